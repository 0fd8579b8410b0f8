/** `mendd notify`: whom mendd can notify, a message that shows whether one works, and who is told of what. */
import type { Command } from 'commander';
import { exitCodes } from '../core/errors.ts';
import { type ApiOptions, addCommand, openSession, withApi, withChange } from './command.ts';
import type { NotifyTargetRow, NotifyTestAnswer } from './message-types.ts';
import { addOutbox } from './notify-outbox.ts';
import { addRoute } from './notify-route.ts';
import type { Column } from './output.ts';
import { plain } from './plain-text.ts';

export function addNotify(program: Command): void {
  const notify = addCommand(program, 'notify', 'whom mendd can notify: list them, send a test message', [
    'notify',
    'notify test oncall',
    'notify route web-1/web.http --severity warning',
    'notify outbox --status dead',
  ]);
  const list = addCommand(notify, 'list', 'the targets of the daemon file', ['notify list'], {
    isDefault: true,
  });
  withApi(list).action(async (options: ApiOptions) => {
    const { client, out } = await openSession(options);
    const rows = await client.list<NotifyTargetRow>('/api/v1/notify');
    out.list('targets', rows, columns, 'Nobody can be notified: `notify` of the daemon file is empty.');
  });
  const test = addCommand(
    notify,
    'test <name>',
    'send a test message and tell what the receiver said; exit code 1 when it was not taken',
    ['notify test oncall'],
  );
  withChange(test).action(async (name: string, options: ApiOptions) => {
    const { client, out } = await openSession(options);
    const path = `/api/v1/notify/${encodeURIComponent(name)}/test`;
    const answer = await client.postSlow<NotifyTestAnswer>(path, {});
    out.value(answer, () => linesOf(answer));
    if (!answer.ok) process.exitCode = exitCodes.failed;
  });
  addRoute(notify);
  addOutbox(notify);
}

function linesOf({ target, kind, ok, error, note, answer, tookMs }: NotifyTestAnswer): string[] {
  const took = `in ${(tookMs / 1000).toFixed(1)} s`;
  const fate = ok
    ? `${plain(target)} (${plain(kind)}) took the message ${took}.`
    : `${plain(target)} (${plain(kind)}) did not take the message (${took}): ${plain(error ?? 'no reason given')}.`;
  return [
    fate,
    ...(note === undefined ? [] : [`But: ${plain(note)}.`]),
    ...(answer === undefined ? [] : [`It said: ${plain(answer)}`]),
  ];
}

const columns: readonly Column<NotifyTargetRow>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'TO', cell: ({ to }) => to ?? '' },
];
