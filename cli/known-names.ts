/** Names that a daemon knows, for completion: which of them fit where on a command line. Reads only, and never more than a page. */
import type {
  ApprovalRow,
  BrakeRow,
  CheckRow,
  ExplainAnswer,
  HostRow,
  RunRow,
  SuppressionRow,
  TrustRow,
} from './api-types.ts';
import type { ApiClient } from './client.ts';
import type { MessageRow, NotifyTargetRow } from './message-types.ts';
import type { TokenRow } from './token-book.ts';

export type Word = readonly [word: string, meaning: string];

/** What stands on the line before: the host is its first argument, or that of `--host`. */
export interface Before {
  host: string;
  typed: string;
}

export type Reader = (client: ApiClient, before: Before) => Promise<Word[]>;

const shown = 500;

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it names the rows that the path answers
function listed<T>(path: string, wordOf: (row: T) => Word, query: Record<string, string> = {}): Reader {
  return async (client) => (await client.list<T>(path, query, shown)).map(wordOf);
}

const hosts = listed<HostRow>('/api/v1/hosts', ({ name, status }) => [name, status.state]);

const targets = listed<NotifyTargetRow>('/api/v1/notify', ({ name, kind }) => [name, kind]);

const readChecks = (client: ApiClient, host: string): Promise<CheckRow[]> =>
  client.list<CheckRow>('/api/v1/checks', host === '' ? {} : { host }, shown);

/** Of the host, or of all. */
const checks: Reader = async (client, { host }) => {
  const rows = await readChecks(client, host);
  return [...new Map(rows.map(({ check, status }) => [check, status.state] as const))];
};

/** `host/check`, of those that begin with what is typed. */
const pairs: Reader = async (client, { typed }) => {
  const [host = '', ...rest] = typed.split('/');
  const rows = await readChecks(client, rest.length > 0 ? host : `${host}*`);
  return rows.map((row) => [`${row.host}/${row.check}`, row.status.state]);
};

const hostsOrPairs: Reader = (client, before) => (before.typed.includes('/') ? pairs : hosts)(client, before);

interface RunbookIds {
  id: string;
  title: string;
  ladders: { rungs: { id: string; kind: string }[] }[];
}

const runbooks = listed<RunbookIds>('/api/v1/runbooks', ({ id, title }) => [id, title]);

/** Of the host, or of all runbooks. */
const actions: Reader = async (client, { host }) => {
  if (host === '') {
    const found = await client.list<RunbookIds>('/api/v1/runbooks', {}, shown);
    const rungs = found.flatMap(({ ladders }) => ladders.flatMap((ladder) => ladder.rungs));
    return [...new Map(rungs.map(({ id, kind }) => [id, kind] as const))];
  }
  const { explanations } = await client.get<ExplainAnswer>('/api/v1/explain', { host });
  const rungs = explanations.flatMap((each) => each.rungs);
  return [...new Map(rungs.map(({ action, status }) => [action, status] as const))];
};

function suppressions(kind: SuppressionRow['kind']): Reader {
  return listed<SuppressionRow>('/api/v1/suppressions', ({ id, reason }) => [id, reason], { kind });
}

function messages(status: MessageRow['status']): Reader {
  return listed<MessageRow>('/api/v1/messages', ({ id, subject }) => [id, subject], { status });
}

const runs = listed<RunRow>('/api/v1/runs', ({ id, status }) => [id, status]);
const approvals = listed<ApprovalRow>('/api/v1/approvals', ({ id, status }) => [id, status]);
const questions = listed<ApprovalRow>('/api/v1/approvals', ({ id, command }) => [id, command], {
  status: 'waiting',
});
const registrations = listed<{ name: string; status: string }>(
  '/api/v1/registrations',
  ({ name, status }) => [name, status],
);

/** By the name of an argument or the long name of an option, whatever the command. */
export const namesFor: Readonly<Record<string, Reader>> = {
  host: hostsOrPairs,
  hosts: hostsOrPairs,
  'host/check': pairs,
  check: checks,
  action: actions,
  runbook: runbooks,
  'run-id': runs,
  '--host': hosts,
  '--check': checks,
  '--action': actions,
  '--target': targets,
  '--explain': hosts,
};

/** By command and argument, where the name alone says too little. */
export const namesForCommand: Readonly<Record<string, Reader>> = {
  'approvals id': approvals,
  'approve id': questions,
  'reject id': questions,
  'silence remove id': suppressions('silence'),
  'downtime remove id': suppressions('downtime'),
  'notify test name': targets,
  'notify retry id': messages('dead'),
  'notify dismiss id': messages('dead'),
  'brake release scope': listed<BrakeRow>('/api/v1/brakes', ({ scope, on }) => [scope, on ? 'on' : 'off']),
  'trust promote action': listed<TrustRow>('/api/v1/trust', ({ action, reason }) => [action, reason]),
  'inventory accept name': listed<{ name: string; kind: string }>('/api/v1/inventories', ({ name, kind }) => [
    name,
    kind,
  ]),
  'registrations admit name': registrations,
  'registrations reject name': registrations,
  'token revoke id': listed<TokenRow>('/api/v1/tokens', ({ id, name }) => [id, name]),
};
