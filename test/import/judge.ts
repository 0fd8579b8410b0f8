/** How results of importers are judged in tests: as one text for golden files, and by the loader of definitions. */
import { join } from 'node:path';
import { daemonFile } from '../../cli/scaffold.ts';
import { loadDefinitions } from '../../config/load.ts';
import { formatProblem } from '../../config/problems.ts';
import type { Imported } from '../../import/report.ts';
import { writeImported } from '../../import/write.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

/** All files and notes. */
export function goldenText({ files, notes, counts }: Imported): string {
  const parts = [...files].map(([path, text]) => `=== ${path}\n${text}`);
  const told = notes.map(
    ({ file, line, level, message, hint }) =>
      `${file}:${line} ${level}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
  const made = Object.entries(counts).map(([what, count]) => `${what}: ${count}`);
  return [...parts, '=== notes', ...told, '', '=== counts', ...made, ''].join('\n');
}

/** What the loader says against the result; nothing when it is valid. */
export function problemsOf(imported: Imported): string[] {
  const directory = join(temporaryTree({}), 'out');
  writeImported(imported, { directory, from: 'a test', daemonFile: daemonFile('agent') });
  const loaded = loadDefinitions({ configFile: join(directory, 'mendd.yaml'), resolveSecrets: false });
  return loaded.ok
    ? []
    : loaded.problems.map((problem) => formatProblem(problem).replaceAll(directory, 'out'));
}
