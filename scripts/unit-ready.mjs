// Makes this box ready for the unit tests, which talk to a real sshd: installs what is missing as root on Debian, else says what is missing.
import { found, installPackages, missingPackages } from './packages.mjs';

const missing = missingPackages({
  sshd: 'openssh-server',
  'ssh-keygen': 'openssh-client',
  'ssh-agent': 'openssh-client',
  ps: 'procps',
  unshare: 'util-linux',
  perl: 'perl-base',
  'systemd-analyze': 'systemd',
  sudo: 'sudo',
  busybox: 'busybox',
  mksh: 'mksh',
  yash: 'yash',
  fish: 'fish',
  tcsh: 'tcsh',
  zsh: 'zsh',
  mandoc: 'mandoc',
  promtool: 'prometheus',
});

if (missing.length > 0) {
  const hint = `apt-get install --no-install-recommends ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !found('apt-get')) {
    console.error(`The unit tests need programs that are not here. On Debian: ${hint}`);
    process.exit(77);
  }
  console.error(`Installing ${missing.join(' ')} (no service is started) ...`);
  if (!installPackages(missing)) {
    console.error(`That failed; see the words of apt above. By hand: ${hint}`);
    process.exit(77);
  }
}
