/** `mendd notify outbox`, `retry` and `dismiss`: what waits for delivery, what was given up, and sending it again or letting it rest. */
import { type Command, Option } from 'commander';
import {
  type ApiOptions,
  addCommand,
  type ChangeOptions,
  countOption,
  openSession,
  withApi,
  withChange,
} from './command.ts';
import { usageError } from './exit.ts';
import type { MessageRow } from './message-types.ts';
import type { Column } from './output.ts';
import { plain } from './plain-text.ts';
import { showAge } from './times.ts';

interface OutboxOptions extends ApiOptions {
  status?: string;
  target?: string;
  host?: string;
  limit: number;
}

const statuses = ['waiting', 'sent', 'dead', 'dismissed'];

export function addOutbox(notify: Command): void {
  const outbox = addCommand(
    notify,
    'outbox',
    'messages to people, newest first: waiting, sent, dead, dismissed',
    ['notify outbox --status dead', 'notify outbox --target oncall --limit 10'],
  );
  withApi(outbox)
    .addOption(new Option('--status <status>', 'only with this status').choices(statuses))
    .option('--target <name>', 'only to this target')
    .option('--host <host>', 'only about this host')
    .addOption(countOption('--limit <count>', 'at most so many', 50))
    .action(list);
  const retry = addCommand(notify, 'retry <id>', 'send a dead, dismissed or waiting message now', [
    'notify retry 42',
  ]);
  withChange(retry).action((id: string, options: ApiOptions) =>
    settle(id, 'retry', 'is sent again', options),
  );
  const summary = 'let a dead message rest, or all of them: they need you no more, and stay in the outbox';
  const dismiss = addCommand(notify, 'dismiss [id]', summary, [
    'notify dismiss 42',
    'notify dismiss --all --target oncall   # all that are dead at this moment',
  ]);
  withChange(dismiss)
    .option('--all', 'all that are dead at this moment', false)
    .option('--target <name>', 'with --all: only to this target')
    .action(rest);
}

interface RestOptions extends ChangeOptions {
  all: boolean;
  target?: string;
}

async function rest(id: string | undefined, options: RestOptions): Promise<void> {
  const { all, target } = options;
  if (all !== (id === undefined) || (target !== undefined && !all))
    throw usageError('Which message?', 'Write its id, or --all, if need be with --target NAME.');
  if (all && options.key !== undefined)
    throw usageError('--key is for one message.', 'Leave it out; to let all rest twice does no harm.');
  if (id !== undefined) return settle(id, 'dismiss', 'rests; it is not sent again', options);
  const { client, out } = await openSession(options);
  const [newest] = await client.list<MessageRow>('/api/v1/messages', { status: 'dead', target }, 1);
  const answer =
    newest === undefined
      ? { dismissed: 0 }
      : await client.post<{ dismissed: number }>('/api/v1/messages/dismiss', {
          upTo: newest.id,
          ...(target === undefined ? {} : { target }),
        });
  const { dismissed } = answer;
  out.value(answer, () => [`${dismissed} ${dismissed === 1 ? 'message rests' : 'messages rest'}.`]);
}

async function settle(id: string, verb: string, outcome: string, options: ApiOptions): Promise<void> {
  if (!/^\d{1,15}$/.test(id))
    throw usageError(`\`${id}\` is no message.`, '`mendd notify outbox` lists them.');
  const { client, out } = await openSession(options);
  const message = await client.post<MessageRow>(`/api/v1/messages/${id}/${verb}`, {});
  out.value(message, () => [`Message ${id} to ${plain(message.target)} ${outcome}.`]);
}

async function list({ status, target, host, limit, ...options }: OutboxOptions): Promise<void> {
  const { client, out } = await openSession(options);
  const rows = await client.list<MessageRow>('/api/v1/messages', { status, target, host }, limit);
  out.list('messages', rows, columns, 'There is no such message.');
}

const columns: readonly Column<MessageRow>[] = [
  { title: 'ID', cell: ({ id }) => id },
  {
    title: 'STATUS',
    cell: ({ status }) => status,
    hue: ({ status }) => (status === 'dead' ? 'bad' : status === 'waiting' ? 'warn' : undefined),
  },
  { title: 'AGE', cell: ({ createdAt }) => showAge(createdAt) },
  { title: 'TARGET', cell: ({ target }) => target },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'TRIES', cell: ({ attempts }) => String(attempts) },
  { title: 'ABOUT', cell: ({ subject }) => subject.replace(/^\[mendd\] /, '') },
  { title: 'ERROR', cell: ({ lastError }) => lastError ?? '' },
];
