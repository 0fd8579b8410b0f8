/**
 * Owns what each test of Monit becomes: a kind of mendd’s own, or a command. What cannot be asked from outside, such as
 * `if changed`, is told. Source: monit(1), Service Tests.
 */
import { formatDuration } from '../core/duration.ts';
import { type MonitCondition, valueOf } from './monit-conditions.ts';
import { shellCommand } from './monit-programs.ts';
import * as scripts from './monit-scripts.ts';
import type { YamlValue } from './yaml-text.ts';

export interface MonitTarget {
  type: string;
  /** Of a file, a directory, a filesystem, a program. */
  path: string;
  by?: scripts.ProcessBy;
  /** Of `check host`. */
  address?: string;
}

export type MonitTest =
  | { name: string; keys: Record<string, YamlValue>; difference?: string }
  /** It says the same as the check that every service has. */
  | { isPresence: true }
  | { leftOut: string };

const number = String.raw`(\d{1,12}(?:\.\d{1,6})?)`;
const operator = String.raw`(>=|<=|==|!=|=|>|<|greater|less|equal|notequal|gt|lt|eq|ne)`;
const operators: ReadonlyMap<string, scripts.Limit['operator']> = new Map(
  Object.entries({
    '=': '==',
    greater: '>',
    gt: '>',
    less: '<',
    lt: '<',
    equal: '==',
    eq: '==',
    notequal: '!=',
    ne: '!=',
  } as const),
);
const bytes: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

export function testOf(target: MonitTarget, condition: MonitCondition): MonitTest {
  const { text } = condition;
  if (/^(not exist|does not exist|(?:failed )?not exist)/i.test(text)) return { isPresence: true };
  if (/^failed (.* )?(port|unixsocket|unix)\b/i.test(text) || /^failed (url|icmp|ping)/i.test(text))
    return connectionTest(target, condition);
  if (/^(failed|succeeded|changed) |^(exist|pid|ppid|uptime|link|action|content|match|security)/i.test(text))
    return fileTest(target, condition) ?? { leftOut: 'nothing here asks that' };
  return resourceTest(target, text) ?? fileTest(target, condition) ?? { leftOut: 'nothing here asks that' };
}

function limitOf(written: string | undefined, value: string | undefined, times = 1): scripts.Limit {
  const name = (written ?? '>').toLowerCase();
  return {
    operator: operators.get(name) ?? (name as scripts.Limit['operator']),
    value: Math.round(Number(value) * times * 1000) / 1000,
  };
}

function command(name: string, run: string, difference?: string): MonitTest {
  return { name, keys: { run }, ...(difference === undefined ? {} : { difference }) };
}

function resourceTest(target: MonitTarget, text: string): MonitTest | undefined {
  if (target.type === 'system') return systemTest(text);
  if (target.type === 'process' && target.by !== undefined) return processTest(target.by, text);
  if (target.type === 'filesystem') return filesystemTest(target.path, text);
  if (target.type !== 'program') return undefined;
  const status = new RegExp(`^status ${operator} (\\d{1,3})$`, 'i').exec(text);
  if (status === null) return undefined;
  return command('status', scripts.statusScript(shellCommand(target.path), limitOf(status[1], status[2])));
}

const oneSecond = 'it is measured over one second, not from cycle to cycle';

function systemTest(text: string): MonitTest | undefined {
  const load = new RegExp(`^loadavg \\(?(1|5|15)(?:min)?\\)?( per core)? ${operator} ${number}$`, 'i').exec(
    text,
  );
  if (load !== null) {
    const column = { 1: 1, 5: 2, 15: 3 }[load[1] ?? '1'] as 1 | 2 | 3;
    return command(
      `load_${load[1]}min`,
      scripts.loadScript(column, load[2] !== undefined, limitOf(load[3], load[4])),
    );
  }
  const cpu = new RegExp(
    `^cpu ?\\(?(user|system|sys|wait|nice|hardirq|softirq|steal)?\\)? ${operator} ${number} ?%$`,
    'i',
  ).exec(text);
  if (cpu !== null) {
    const kind = cpu[1]?.toLowerCase().replace('sys', 'system').replace('systemtem', 'system');
    const columns: Readonly<Record<string, number[]>> = {
      user: [2],
      nice: [3],
      system: [4],
      wait: [6],
      hardirq: [7],
      softirq: [8],
      steal: [9],
    };
    const fields = kind === undefined ? [2, 3, 4, 7, 8, 9] : (columns[kind] ?? [2]);
    return command(
      `cpu_${kind ?? 'usage'}`,
      scripts.systemCpuScript(fields, limitOf(cpu[2], cpu[3])),
      oneSecond,
    );
  }
  const memory = sized('(memory|mem|swap)', text);
  if (memory === undefined) return undefined;
  const what = memory.name === 'swap' ? 'swap' : 'memory';
  return command(what, scripts.systemMemoryScript(what, memory.limit, memory.isPercent));
}

/** A share, or an amount in KiB. */
function sized(
  names: string,
  text: string,
): { name: string; limit: scripts.Limit; isPercent: boolean } | undefined {
  const form = `^${names} ?(?:amount )?${operator} ${number} ?(%|b|byte|bytes|kb|k|mb|m|gb|g|tb|t)$`;
  const [, name, sign, value, unit = ''] = new RegExp(form, 'i').exec(text) ?? [];
  if (name === undefined) return undefined;
  const isPercent = unit === '%';
  const scale = isPercent ? 1 : (bytes[unit[0]?.toLowerCase() ?? 'b'] ?? 1) / 1024;
  return { name: name.toLowerCase(), limit: limitOf(sign, value, scale), isPercent };
}

function processTest(by: scripts.ProcessBy, text: string): MonitTest | undefined {
  const cpu = new RegExp(`^(total ?cpu|cpu) ${operator} ${number} ?%$`, 'i').exec(text);
  if (cpu?.[1]?.toLowerCase() === 'cpu')
    return command('cpu', scripts.processCpuScript(by, limitOf(cpu[2], cpu[3])), oneSecond);
  if (cpu !== null) return { leftOut: 'processor time of a process and all its children is not asked' };
  const memory = sized('(total ?memory|total ?mem|memory|mem)', text);
  if (memory !== undefined) {
    const total = memory.name.startsWith('total');
    const run = scripts.memoryScript(by, total, memory.limit, memory.isPercent);
    return command(total ? 'total_memory' : 'memory', run);
  }
  const children = new RegExp(`^children ${operator} ${number}$`, 'i').exec(text);
  if (children === null) return undefined;
  return command('children', scripts.childrenScript(by, limitOf(children[1], children[2])));
}

function filesystemTest(path: string, text: string): MonitTest | undefined {
  const [, what, sign, value, unit] =
    new RegExp(`^(space|inode|inodes)(?: usage)? ${operator} ${number} ?(%)?$`, 'i').exec(text) ?? [];
  if (what === undefined) return undefined;
  const limit = limitOf(sign, value);
  if (/^inode/i.test(what)) return command('inodes', scripts.inodesScript(path, limit, unit === '%'));
  const isOver = (limit.operator === '>' || limit.operator === '>=') && unit === '%' && limit.value <= 100;
  if (!isOver || !/^\/[^{$]*$/.test(path)) return undefined;
  const difference = 'the kind `disk` looks at space and inodes, with one limit for both';
  return {
    name: 'space',
    keys: { disk: { path, warn: `${limit.value}%`, crit: `${limit.value}%` } },
    difference,
  };
}

function fileTest({ type, path }: MonitTarget, condition: MonitCondition): MonitTest | undefined {
  if (!['file', 'directory', 'fifo', 'filesystem'].includes(type)) return undefined;
  const { text } = condition;
  const [, what = '', written = ''] =
    /^failed (permission|perm|uid|owner|gid|group|checksum)\b ?(.*)$/i.exec(text) ?? [];
  const value = valueOf(condition, written).trim();
  if (/^perm/i.test(what) && /^[0-7]{3,4}$/.test(value))
    return command('permission', scripts.statScript(path, '%a', value.replace(/^0+(?=.)/, '')));
  if (/^(uid|owner|gid|group)$/i.test(what) && /^[\w.-]+$/.test(value)) {
    const isUser = /^(uid|owner)$/i.test(what);
    const format = /^\d+$/.test(value) ? (isUser ? '%u' : '%g') : isUser ? '%U' : '%G';
    return command(isUser ? 'owner' : 'owner_group', scripts.statScript(path, format, value));
  }
  if (/^checksum$/i.test(what)) {
    const sum = /\b([0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\b/i.exec(value)?.[1];
    if (sum !== undefined) return command('checksum', scripts.checksumScript(path, sum));
    return { leftOut: 'without an expected sum it is a test of change, and nothing here remembers the sum' };
  }
  const size = sized('(size)', text);
  if (size !== undefined && !size.isPercent)
    return command('size', scripts.sizeScript(path, { ...size.limit, value: size.limit.value * 1024 }));
  const age = new RegExp(
    `^(timestamp|access(?: time)?|atime|mtime|modification time|change time|ctime) ${operator} ${number} ?(s|second|m|minute|h|hour|d|day)s?$`,
    'i',
  ).exec(text);
  if (age === null) return undefined;
  const format = /^a/i.test(age[1] ?? '') ? '%X' : /^c/i.test(age[1] ?? '') ? '%Z' : '%Y';
  const limit = limitOf(age[2], age[3], seconds[age[4]?.[0]?.toLowerCase() ?? 's']);
  return command('age', scripts.ageScript(path, format, limit));
}

function connectionTest(target: MonitTarget, condition: MonitCondition): MonitTest {
  const text = valueOf(condition, condition.text);
  const timeout = /\btimeout (\d{1,4}) ?(ms|milliseconds?|s|seconds?|m|minutes?)?\b/i.exec(text);
  const unitMs =
    timeout?.[2]?.toLowerCase().startsWith('ms') === true
      ? 1
      : /^m(in|$)/i.test(timeout?.[2] ?? '')
        ? 60_000
        : 1000;
  const patience = {
    timeout: formatDuration(Math.min(3_600_000, Math.max(1000, Number(timeout?.[1] ?? 5) * unitMs))),
  };
  const address = addressOf(wordBehind(condition, /\bhost (\S+)/i) ?? target.address ?? 'localhost');
  if (address === undefined) return { leftOut: 'its address is none' };
  if (/^failed (ping|icmp)/i.test(text)) {
    const count = Math.min(20, Math.max(1, Number(/\bcount (\d{1,2})/i.exec(text)?.[1] ?? 3)));
    const keys = { ping: { address, count, loss: '100%' }, run_on: 'target', ...patience };
    return { name: 'ping', keys };
  }
  const socket = wordBehind(condition, /\b(?:unixsocket|unix) (\S+)/i);
  if (socket?.startsWith('/') === true)
    return {
      name: 'socket',
      keys: { run: scripts.existsScript(socket, '-S') },
      difference: 'only whether the socket is there is asked, not whether it answers',
    };
  if (/\btype (udp|udpsocket)\b/i.test(text)) return { leftOut: 'nothing here asks over UDP; use a plugin' };
  const port = Number(/\bport (\d{1,5})\b/i.exec(text)?.[1]);
  if (!(port >= 1 && port <= 65_535)) return { leftOut: 'its port is none' };
  const protocol = /\b(?:protocol|proto) (\w+)/i.exec(text)?.[1]?.toLowerCase();
  const isTls = /\b(ssl|tls|tcpssl|tlsv\w*)\b/i.test(text) || protocol === 'https';
  if (protocol === 'http' && !isTls) return httpTest(condition, address, port, patience);
  const asked = protocol ?? (isTls ? 'TLS' : undefined);
  return {
    name: `${protocol ?? 'port'}_${port}`,
    keys: { tcp: { port, address }, run_on: 'target', ...patience },
    ...(asked === undefined
      ? {}
      : {
          difference: `only that port ${port} accepts a connection is asked, not ${asked}; a plugin can ask more`,
        }),
  };
}

function httpTest(
  condition: MonitCondition,
  address: string,
  port: number,
  patience: Record<string, YamlValue>,
): MonitTest {
  const { text } = condition;
  const asked = valueOf(condition, /\brequest (\S+)/i.exec(text)?.[1] ?? '/');
  const path = asked.startsWith('/') ? asked : `/${asked}`;
  const status = /\bstatus (?:==?|eq|equal) ?(\d{3})\b/i.exec(text)?.[1];
  const content = valueOf(condition, /\bcontent (?:==?|eq|equal) ?(\S+)/i.exec(text)?.[1] ?? '');
  const isPlain = content !== '' && !/[\\^$.|?*+()[\]{}]/.test(content);
  const lost: string[] = [];
  if (/\bstatus\b/i.test(text) && status === undefined) lost.push('status');
  if (/\bcontent\b/i.test(text) && !isPlain) lost.push('content (a pattern)');
  if (/\bhostheader\b|\bhttp headers\b/i.test(text)) lost.push('headers');
  if (/\bchecksum\b/i.test(text)) lost.push('checksum');
  if (!URL.canParse(`http://host${path}`) || /[{$]/.test(path))
    return { leftOut: 'its path is no path of a URL' };
  const host = address.includes(':') ? `[${address}]` : address;
  if (!URL.canParse(`http://${host}:${port}${path}`)) return { leftOut: 'its address cannot stand in a URL' };
  const isOwn = address === '127.0.0.1';
  const url = `${isOwn ? '' : `http://${host}`}${port === 80 ? '' : `:${port}`}${path}`;
  const code = Number(status);
  const http = {
    url,
    ...(code >= 100 && code <= 599 ? { status: code } : {}),
    ...(isPlain ? { contains: content } : {}),
  };
  return {
    name: `http_${port}`,
    keys: { http, run_on: 'target', ...patience },
    ...(lost.length === 0 ? {} : { difference: `not asked: ${lost.join(', ')}` }),
  };
}

/** What stands behind a word, quoted or not. */
function wordBehind(condition: MonitCondition, form: RegExp): string | undefined {
  const found = form.exec(condition.text)?.[1];
  return found === undefined ? undefined : valueOf(condition, found);
}

function addressOf(written: string): string | undefined {
  const text = written.toLowerCase() === 'localhost' ? '127.0.0.1' : written;
  return /^[A-Za-z0-9_][A-Za-z0-9._:-]{0,252}$|^::[0-9A-Fa-f:.]*$/.test(text) ? text : undefined;
}
