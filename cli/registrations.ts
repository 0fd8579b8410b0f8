/** `mendd registrations`: hosts that registered themselves, and a person's answer to them. */
import type { Command } from 'commander';
import { type ApiOptions, addCommand, openSession, withApi, withChange, withReason } from './command.ts';
import type { Column } from './output.ts';
import { plain } from './plain-text.ts';
import { showInstant } from './times.ts';

interface RegistrationRow {
  name: string;
  status: 'pending' | 'admitted' | 'changed' | 'rejected';
  told: { address?: string; port?: number; user?: string; labels: Record<string, string> };
  from: string;
  lastAt: string;
  fingerprint?: string;
  tag: string;
}

export function addRegistrations(program: Command): void {
  const registrations = addCommand(program, 'registrations', 'hosts that registered themselves', [
    'registrations',
    "registrations admit web-7 --tag 5e0f… --reason 'racked today'",
    "registrations reject web-8 --reason 'not ours'",
  ]);
  const list = addCommand(
    registrations,
    'list',
    'who waits and who was let in, with the fingerprint of the host key to compare',
    ['registrations list'],
    { isDefault: true },
  );
  withApi(list).action(async (options: ApiOptions) => {
    const { client, out } = await openSession(options);
    const rows = await client.list<RegistrationRow>('/api/v1/registrations');
    out.list('registrations', rows, columns, 'No host registered itself.');
  });
  const admit = addCommand(
    registrations,
    'admit <name>',
    'let it in as it was listed, and record its host key',
    ["registrations admit web-7 --tag 5e0f… --reason 'racked today'"],
  );
  withReason(withChange(admit))
    .requiredOption(
      '--tag <tag>',
      'of `registrations list`: what was compared; 75 when it tells something else by now',
    )
    .action(async (name: string, { tag, ...options }: AnswerOptions & { tag: string }) => {
      const { out, answer } = await send(name, 'admit', options, tag);
      const { fingerprint } = answer;
      const key = fingerprint === undefined ? 'no host key' : `the host key ${fingerprint}`;
      out.value(answer, () => [plain(`${answer.name} is let in at ${placeOf(answer)} with ${key}.`)]);
    });
  const reject = addCommand(registrations, 'reject <name>', 'do not let it in, or no longer', [
    "registrations reject web-7 --reason 'not ours'",
  ]);
  withReason(withChange(reject)).action(async (name: string, options: AnswerOptions) => {
    const { out, answer } = await send(name, 'reject', options);
    out.value(answer, () => [plain(`${answer.name} is not let in.`)]);
  });
}

type AnswerOptions = ApiOptions & { reason: string };

async function send(name: string, word: 'admit' | 'reject', options: AnswerOptions, tag?: string) {
  const { client, out } = await openSession(options);
  const path = `/api/v1/registrations/${encodeURIComponent(name)}/${word}`;
  return { out, answer: await client.post<RegistrationRow>(path, { reason: options.reason }, tag) };
}

function placeOf({ told, from }: RegistrationRow): string {
  const user = told.user === undefined ? '' : `${told.user}@`;
  return `${user}${told.address ?? from}${told.port === undefined ? '' : ` port ${told.port}`}`;
}

const columns: readonly Column<RegistrationRow>[] = [
  { title: 'NAME', cell: ({ name }) => name },
  {
    title: 'STATUS',
    cell: ({ status }) => status,
    hue: ({ status }) => (status === 'admitted' ? 'good' : status === 'rejected' ? 'quiet' : 'warn'),
  },
  { title: 'ADDRESS', cell: placeOf },
  { title: 'FROM', cell: ({ from }) => from },
  { title: 'LAST', cell: ({ lastAt }) => showInstant(lastAt) },
  {
    title: 'LABELS',
    cell: ({ told }) =>
      Object.entries(told.labels)
        .map((pair) => pair.join('='))
        .join(' '),
  },
  { title: 'HOST KEY', cell: ({ fingerprint }) => fingerprint ?? '' },
  { title: 'TAG', cell: ({ tag }) => tag },
];
