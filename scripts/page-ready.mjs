// Makes this box ready for the tests of the page, which a real Chromium opens: installs it as root on Debian, else says what is missing.
import { found, installPackages, missingPackages } from './packages.mjs';

const missing = missingPackages({ chromium: 'chromium' });

if (missing.length > 0) {
  const hint = 'apt-get install --no-install-recommends chromium';
  if (process.getuid?.() !== 0 || !found('apt-get')) {
    console.error(`The tests of the page need Chromium. On Debian: ${hint}`);
    process.exit(77);
  }
  console.error('Installing chromium ...');
  if (!installPackages(missing)) {
    console.error(`That failed; see the words of apt above. By hand: ${hint}`);
    process.exit(77);
  }
}
