/** How commands tell which definitions are in force and why the newest are not. */
import type { NowAnswer } from './api-types.ts';
import type { Output } from './output.ts';
import { plain } from './plain-text.ts';
import { showAge } from './times.ts';

export function definitionLines(out: Output, definitions: NowAnswer['definitions']): string[] {
  const { revision, loadedAt, lastReloadOk, problems, commit, held, rollback } = definitions;
  const of = commit === undefined ? '' : `, commit ${plain(commit.slice(0, 12))}`;
  const loaded = `definitions ${plain(revision)}${of}, loaded ${showAge(loadedAt)} ago`;
  const back =
    rollback === undefined
      ? []
      : [
          out.paint(
            'warn',
            `ROLLED BACK by ${plain(rollback.by)} ${showAge(rollback.since)} ago: ${plain(rollback.reason)}`,
          ),
          '  new commits are not taken until `mendd rollback --resume --reason ...`',
        ];
  if (held !== undefined) {
    const newest = held.commit === undefined ? '' : ` (commit ${plain(held.commit.slice(0, 12))})`;
    return [
      loaded,
      ...back,
      out.paint('bad', `the newest definitions${newest} are HELD; the ones before stay in force:`),
      ...held.why.map((why) => `  ${plain(why)}`),
      `  look at \`mendd plan\`; \`mendd reload --confirm ${plain(held.revision)}\` lets exactly these in`,
    ];
  }
  if (lastReloadOk) return [loaded, ...back];
  return [
    loaded,
    ...back,
    out.paint('bad', 'the last reload was REFUSED; the definitions before stay in force:'),
    ...problems.flatMap((problem) => plain(problem, { lines: true }).split('\n')).map((line) => `  ${line}`),
  ];
}
