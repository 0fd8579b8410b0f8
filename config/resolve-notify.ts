/** Owns the way from a target under `notify` to its checked form: exactly one kind, secrets read. It sends nothing. */
import { existsSync } from 'node:fs';
import type { NotifyTarget, Secret } from '../core/definitions.ts';
import type { SecretText } from './fields.ts';
import type { NotifyInput } from './notify-schema.ts';
import type { ProblemList } from './problems.ts';
import { resolveQuiet, resolveWords } from './resolve-messages.ts';
import type { SecretReader, SecretUse } from './secrets.ts';
import { placeOf, type Tree, treeAt } from './yaml-tree.ts';

interface Target {
  name: string;
  tree: Tree;
  secrets: SecretReader;
  nowMs: number;
  problems: ProblemList;
}

/** Without those that have problems. */
export function resolveNotify(
  inputs: Readonly<Record<string, NotifyInput>>,
  tree: Tree,
  secrets: SecretReader,
  nowMs: number,
  problems: ProblemList,
): Map<string, NotifyTarget> {
  const targets = new Map<string, NotifyTarget>();
  for (const [name, input] of Object.entries(inputs)) {
    const target = resolveOne({ name, tree, secrets, nowMs, problems }, input);
    if (target !== undefined) targets.set(name, target);
  }
  return targets;
}

type Kind = Exclude<keyof NotifyInput, 'quiet' | 'subject' | 'text'>;

const resolvers: {
  [K in Kind]: (at: Target, input: NonNullable<NotifyInput[K]>) => NotifyTarget | undefined;
} = {
  webhook: resolveWebhook,
  smtp: resolveSmtp,
  slack: resolveSlack,
  ntfy: resolveNtfy,
  pagerduty: resolvePagerduty,
  exec: resolveExec,
};

function resolveOne(at: Target, input: NotifyInput): NotifyTarget | undefined {
  const { name, tree, problems } = at;
  const kinds = Object.keys(resolvers) as Kind[];
  const written = kinds.filter((kind) => input[kind] !== undefined);
  const [kind] = written;
  if (kind === undefined || written.length > 1) {
    const place = treeAt(tree, ['notify'])?.entries.get(name)?.keyPlace ?? placeOf(tree, ['notify', name]);
    const says =
      kind === undefined ? 'no way to notify' : `${written.length === 2 ? 'two' : 'several'} ways to notify`;
    const words = kinds.map((each) => `\`${each}\``);
    const hint = `write one of ${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
    problems.add(place, `\`${name}\` says ${says}`, hint);
    return undefined;
  }
  const resolve = resolvers[kind] as (at: Target, input: unknown) => NotifyTarget | undefined;
  const target = resolve(at, input[kind]);
  const words = resolveWords(input, treeAt(tree, ['notify', name]), problems);
  const quiet = resolveQuiet(input.quiet, ['notify', name, 'quiet'], at);
  return target && { ...target, ...(quiet.length === 0 ? {} : { quiet }), ...(words && { words }) };
}

/** `path`: below the target, the last of it the key that holds the secret. */
function readSecret(
  at: Target,
  text: SecretText,
  use: SecretUse,
  path: readonly string[],
): Secret | undefined {
  const place = placeOf(at.tree, ['notify', at.name, ...path]);
  return at.secrets.read(text, use, path.at(-1) ?? '', place);
}

function resolveWebhook(at: Target, input: NonNullable<NotifyInput['webhook']>): NotifyTarget | undefined {
  const { name } = at;
  if ('reference' in input) {
    const url = readSecret(at, input, 'url', ['webhook']);
    return url && { kind: 'webhook', name, url, format: 'mendd', allowPrivate: true };
  }
  const { format, allow_private: allowPrivate } = input;
  const url = readSecret(at, input.url, 'url', ['webhook', 'url']);
  const secret = input.secret && readSecret(at, input.secret, 'password', ['webhook', 'secret']);
  if (url === undefined || (input.secret !== undefined && secret === undefined)) return undefined;
  return { kind: 'webhook', name, url, format, allowPrivate, ...(secret === undefined ? {} : { secret }) };
}

function resolveSmtp(at: Target, input: NonNullable<NotifyInput['smtp']>): NotifyTarget | undefined {
  const { name, tree, problems } = at;
  const { host, port, secure, user, from, to } = input;
  const written = input.password;
  const password = written && readSecret(at, written, 'password', ['smtp', 'password']);
  if ((user === undefined) !== (written === undefined)) {
    const missing = user === undefined ? 'user' : 'password';
    const hint = 'a login needs `user` and `password`; write both or none';
    problems.add(placeOf(tree, ['notify', name, 'smtp']), `\`${missing}\` is missing`, hint);
    return undefined;
  }
  return {
    kind: 'smtp',
    name,
    host,
    port: port ?? (secure ? 465 : 587),
    secure,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    from,
    to,
  };
}

function resolveSlack(at: Target, input: NonNullable<NotifyInput['slack']>): NotifyTarget | undefined {
  const url = readSecret(at, input.url, 'url', ['slack', 'url']);
  return url && { kind: 'slack', name: at.name, url };
}

function resolveNtfy(at: Target, input: NonNullable<NotifyInput['ntfy']>): NotifyTarget | undefined {
  const { topic, priority } = input;
  const url = readSecret(at, input.url, 'url', ['ntfy', 'url']);
  const token = input.token && readSecret(at, input.token, 'password', ['ntfy', 'token']);
  if (url === undefined || (input.token !== undefined && token === undefined)) return undefined;
  return { kind: 'ntfy', name: at.name, url, topic, priority, ...(token === undefined ? {} : { token }) };
}

function resolvePagerduty(
  at: Target,
  input: NonNullable<NotifyInput['pagerduty']>,
): NotifyTarget | undefined {
  const url = readSecret(at, input.url, 'url', ['pagerduty', 'url']);
  const routingKey = readSecret(at, input.routing_key, 'password', ['pagerduty', 'routing_key']);
  return url && routingKey && { kind: 'pagerduty', name: at.name, url, routingKey };
}

function resolveExec(at: Target, input: NonNullable<NotifyInput['exec']>): NotifyTarget {
  const { path, args, timeout: timeoutMs } = input;
  if (!existsSync(path)) {
    const hint = `no message to \`${at.name}\` can be delivered without it`;
    at.problems.warn(placeOf(at.tree, ['notify', at.name, 'exec', 'path']), `${path} does not exist`, hint);
  }
  return { kind: 'exec', name: at.name, path, args, timeoutMs };
}
