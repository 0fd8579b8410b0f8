/**
 * What a `kill -9` of the daemon met, told from the story of a run, and what may become of a run that was met so. Knows
 * the ladders of crash.test.ts; asks nobody.
 */
import type { Wire } from '../../api/wire.ts';
import type { Run, RunStatus } from '../../core/types.ts';

/** Where runs can be between decision and outcome; after its end, a reboot still owes the undrain. */
export const stages = [
  'restart intended',
  'restart dispatched',
  'restart unknown',
  'restart verifying',
  'reboot intended',
  'reboot draining',
  'reboot dispatched',
  'reboot unknown',
  'reboot verifying',
  'reboot undraining',
] as const;

export type Stage = (typeof stages)[number];

/** One run that was open at the moment of one kill. */
export interface KillPoint {
  run: Wire<Run>;
  stage: Stage;
}

/** `startsMs`: when the daemon after each kill was started; nothing is written between. */
export function pointsOf(runs: readonly Wire<Run>[], startsMs: readonly number[]): KillPoint[] {
  return runs.flatMap((run) =>
    startsMs.flatMap((atMs) => {
      const stage = stageAt(run, atMs);
      return stage === undefined ? [] : [{ run, stage }];
    }),
  );
}

/** What the daemon that died before `atMs` had written last of it; undefined when the run was not open then. */
function stageAt(run: Wire<Run>, atMs: number): Stage | undefined {
  const told = run.events.filter((event) => Date.parse(event.at) < atMs);
  const status = told.map((event) => event.status).findLast((each) => each !== 'evidence' && each !== 'step');
  const hasBegun = (step: string): boolean =>
    told.some((event) => event.status === 'step' && event.text.startsWith(step));
  const kind = run.kind === 'reboot' ? 'reboot' : 'restart';
  switch (status) {
    case undefined:
      return undefined;
    case 'dispatched':
    case 'unknown':
      if (hasBegun('drain: ') && !hasBegun('reboot: ')) return 'reboot draining';
      return `${kind} ${status}`;
    case 'intended':
    case 'verifying':
      return `${kind} ${status}`;
    default:
      return hasBegun('drain: ') && !hasBegun('undrain: ') ? 'reboot undraining' : undefined;
  }
}

/** What is wrong with how the next daemons went on, with the story. `isTold`: an event said how the run ended. */
export function complaintsOf({ stage, run }: KillPoint, isTold: boolean): string[] {
  const story = run.events.map((event) => event.status);
  const complaints = [
    ...(endsAfter(stage, run).includes(run.status) ? [] : [`it ended ${run.status}`]),
    ...(stage.endsWith('intended') && story.includes('dispatched') ? ['it was sent after the restart'] : []),
    ...(stage.endsWith('dispatched') && !story.includes('unknown') ? ['it never was unknown'] : []),
    ...(isTold && run.outcome ? [] : ['it was not reported']),
  ];
  return complaints.map((what) => `killed while ${stage}: ${what}: ${storyOf(run)}`);
}

/** How the undrain ended; undefined while it is owed. */
export function undrainOf(run: Wire<Run>): string | undefined {
  return run.events.find(({ status, text }) => status === 'step' && text.startsWith('undrain: '))?.text;
}

export function storyOf(run: Wire<Run>): string {
  const lines = run.events.map(({ at, status, text }) => `\n  ${at} ${status}: ${text}`);
  return `${run.id}, ${run.status}${lines.join('')}`;
}

function endsAfter(stage: Stage, run: Wire<Run>): RunStatus[] {
  switch (stage) {
    case 'restart intended':
    case 'reboot intended':
      return ['cancelled'];
    case 'restart dispatched':
    case 'restart unknown':
      return [run.action === 'flaky.restart' ? 'failed' : 'verified', 'cancelled'];
    case 'reboot draining':
      return ['failed'];
    case 'reboot dispatched':
    case 'reboot unknown':
      return ['verified', 'cancelled'];
    case 'restart verifying':
    case 'reboot verifying':
      return ['verified'];
    case 'reboot undraining':
      return ['verified', 'failed', 'cancelled'];
  }
}
