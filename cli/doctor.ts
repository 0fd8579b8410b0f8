/** `mendd doctor`: looks at this machine and says what to mend. It changes nothing. */
import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import { type ApiOptions, addCommand, openSession, withApi } from './command.ts';
import type { Finding } from './examination.ts';
import { type Hue, Output } from './output.ts';
import { plain } from './plain-text.ts';

const marks: Readonly<Record<Finding['verdict'], readonly [mark: string, hue: Hue]>> = {
  good: ['✓', 'good'],
  bad: ['✗', 'bad'],
  note: ['–', 'quiet'],
};

export function addDoctor(program: Command): void {
  const summary = 'look at this machine and say what to mend; exit code 1 when something is wrong';
  withApi(
    addCommand(program, 'doctor', summary, ['doctor', 'doctor --config /etc/mendd/mendd.yaml -o json']),
  ).action(async (options: ApiOptions) => {
    const { examineApi, examineDefinitions, examineMachine } = await import('./examination.ts');
    const machine = await examineMachine();
    const { findings, daemonRuns } = await examineDefinitions(options.config);
    const { config, ...others } = options;
    const out = new Output(options.output);
    // A daemon file that is missing was found missing above; the API is then looked for at the usual place.
    const place = config !== undefined && !existsSync(config) ? others : options;
    const api = await examineApi(async () => (await openSession(place)).client, daemonRuns);
    const all = [...machine, ...findings, ...api];
    const ok = all.every(({ verdict }) => verdict !== 'bad');
    out.value({ ok, findings: all }, () => all.flatMap((finding) => findingLines(out, finding)));
    process.exitCode = ok ? exitCodes.ok : exitCodes.failed;
  });
}

/** What is wrong, or good, and what to do. */
export function findingLines(out: Output, { verdict, what, todo }: Finding): string[] {
  const [mark, hue] = marks[verdict];
  const [first = '', ...more] = plain(what, { lines: true }).split('\n');
  return [
    `${out.paint(hue, mark)} ${first}`,
    ...more.map((line) => `  ${line}`),
    ...(todo === undefined ? [] : [`  → ${plain(todo)}`]),
  ];
}
