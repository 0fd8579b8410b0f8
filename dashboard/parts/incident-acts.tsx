/** What a person can do about one incident, by buttons and by the same keys as on Now. */
import { useLayoutEffect } from 'preact/hooks';
import { may } from '../http/session.ts';
import { bindKeys } from '../keyboard.ts';
import { now } from '../live/now-store.ts';
import { askAcknowledgement, askApproval, askRejection, askSilence, checkNow } from './acts.tsx';
import type { Command } from './row.tsx';
import { RunButton } from './run-action.tsx';

interface Place {
  host: string;
  check: string;
}

/** Those that make sense at present. */
function commandsOf(
  { host, check }: Place,
  isProblem: boolean,
): Required<Pick<Command, 'key' | 'label' | 'scope' | 'run'>>[] {
  const asked = now.value?.approvals.find((each) => each.host === host && each.check === check);
  return [
    ...(asked === undefined
      ? []
      : [
          { key: 'a', label: 'Approve…', scope: 'act' as const, run: () => askApproval(asked) },
          { key: 'x', label: 'Reject…', scope: 'act' as const, run: () => askRejection(asked) },
        ]),
    ...(isProblem
      ? [
          {
            key: 'c',
            label: 'Acknowledge…',
            scope: 'ack' as const,
            run: () => askAcknowledgement(host, check),
          },
        ]
      : []),
    { key: 's', label: 'Silence…', scope: 'ack' as const, run: () => askSilence(host, check) },
    ...(check === 'host'
      ? []
      : [{ key: 'r', label: 'Check now', scope: 'act' as const, run: () => void checkNow(host, check) }]),
  ];
}

export function IncidentActs({ host, check, isProblem }: Place & { isProblem: boolean }) {
  const commands = commandsOf({ host, check }, isProblem).filter(({ scope }) => may(scope));
  // A key works as soon as its button can be seen.
  useLayoutEffect(() =>
    bindKeys(
      commands.map(({ key, label, run }) => ({
        key,
        does: label,
        run: () => {
          run();
          return true;
        },
      })),
    ),
  );
  if (commands.length === 0) return null;
  return (
    <div class="commands">
      {commands.map(({ key, label, run }) => (
        <button key={label} type="button" onClick={run}>
          {label} <kbd aria-hidden="true">{key}</kbd>
        </button>
      ))}
      <RunButton host={host} check={check} />
    </div>
  );
}
