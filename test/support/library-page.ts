/** Makes docs/library.md of the files in library/. */
import type { LibraryEntry } from '../../cli/library-files.ts';

export function libraryPage(entries: readonly LibraryEntry[]): string {
  const rows = entries.map(({ name, summary }) => `| [\`${name}\`](#${name}) | ${summary} |`);
  const sections = entries.map(({ name, files }) => {
    const texts = files.map(({ path, text }) => `\`${path}\`\n\n\`\`\`yaml\n${text}\`\`\`\n`);
    return `## ${name}\n\n${texts.join('\n')}`;
  });
  return `# Library

Runbooks to start from, each tested on a real program in its healthy state, in trouble, and mended. Made of the files in
library/; to change it, change those and run \`npx vitest run --project unit test/library/library-files.test.ts -u\`.

    mendd library                                  list them
    mendd library show nginx                       print one
    mendd library add nginx --hosts role=web       copy it into ./definitions; never over a file

The copy is yours: each says in its comment what it does, what it needs and what to change. Checks only read. What cannot
be taken back has \`mode: approve\`, so a person is asked first; nothing at all acts before \`remediation.mode\` of the daemon
file lets it.

| name | what |
| --- | --- |
${rows.join('\n')}

${sections.join('\n')}`;
}
