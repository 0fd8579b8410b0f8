/**
 * Owns which standard plugins are kinds of mendd’s own: only where the answer is the same in every case. All others stay
 * the plugins they are. Source: check_tcp, check_ping and check_http of Monitoring Plugins 2.3.
 */
import { formatDuration } from '../core/duration.ts';
import type { CommandRequest } from './nagios-commands.ts';
import { type Mark, templateText } from './nagios-macros.ts';
import { type OptionSpec, type ReadOptions, readOptions } from './word-options.ts';
import type { YamlValue } from './yaml-text.ts';

type Keys = Record<string, YamlValue>;

/** Keys of the check, or undefined when the plugin says something that no kind says. */
export function ownKind(
  plugin: string,
  args: readonly string[],
  marks: readonly Mark[],
  { isHostCheck = false }: Pick<CommandRequest, 'isHostCheck'>,
): Keys | undefined {
  const words = args.map((arg) => templateText(arg, marks));
  if (plugin === 'check_tcp') return tcp(words);
  if (plugin === 'check_ping') return ping(words, isHostCheck);
  return plugin === 'check_http' && !isHostCheck ? http(words) : undefined;
}

const tcpOptions: OptionSpec = {
  letters: 'H:p:w:c:t:',
  long: { hostname: 'H', port: 'p', warning: 'w', critical: 'c', timeout: 't' },
};

function tcp(words: readonly string[]): Keys | undefined {
  const options = readPlain(words, tcpOptions);
  const port = Number(options?.get('p'));
  if (options === undefined || options.get('H') !== ownAddress || !isPort(port)) return undefined;
  const times = timesOf(options);
  const timeout = patience(options);
  if (times === undefined || timeout === undefined) return undefined;
  return { tcp: Object.keys(times).length === 0 ? port : { port, ...times }, timeout };
}

const pingOptions: OptionSpec = {
  letters: 'H:w:c:p:t:',
  long: { hostname: 'H', warning: 'w', critical: 'c', packets: 'p', timeout: 't' },
};

/** mendd has no limit of loss for a warning: the same only where it is not below that of critical, or does not matter. */
function ping(words: readonly string[], isHostCheck: boolean): Keys | undefined {
  const options = readPlain(words, pingOptions);
  if (options === undefined || options.get('H') !== ownAddress) return undefined;
  const count = Number(options.get('p') ?? 5);
  const warn = pingLimits(options.get('w'));
  const crit = pingLimits(options.get('c'));
  if (warn === undefined || crit === undefined || !(count >= 1 && count <= 20)) return undefined;
  if (!Number.isInteger(count) || crit.loss <= 0 || (!isHostCheck && warn.loss < crit.loss)) return undefined;
  // check_ping refuses limits that cross; then it is kept, to go on refusing.
  if (warn.ms > crit.ms || warn.loss > crit.loss) return undefined;
  const times = { ...(isHostCheck ? {} : { warn: formatDuration(warn.ms) }), crit: formatDuration(crit.ms) };
  return { ping: { count, loss: `${crit.loss}%`, ...times } };
}

function pingLimits(text: string | undefined): { ms: number; loss: number } | undefined {
  const [, ms, loss] = /^(\d{1,7}(?:\.\d+)?),(\d{1,3}(?:\.\d{1,6})?)%$/.exec(text ?? '') ?? [];
  if (ms === undefined || Number(loss) > 100 || !Number.isInteger(Number(ms)) || Number(ms) > 3_600_000)
    return undefined;
  return Number(ms) > 0 ? { ms: Number(ms), loss: Number(loss) } : undefined;
}

const httpOptions: OptionSpec = {
  letters: 'H:I:p:u:w:c:t:e:s:',
  long: {
    hostname: 'H',
    'IP-address': 'I',
    port: 'p',
    url: 'u',
    uri: 'u',
    warning: 'w',
    critical: 'c',
    timeout: 't',
    expect: 'e',
    string: 's',
  },
};

/** Without `-e` a 404 was a warning, which no kind says. */
function http(words: readonly string[]): Keys | undefined {
  const options = readPlain(words, httpOptions);
  const status = options?.get('e');
  if (options === undefined || status === undefined || !/^[1-5]\d\d(,[1-5]\d\d)*$/.test(status))
    return undefined;
  const [host, ip] = [options.get('H'), options.get('I')];
  if (host !== undefined && host !== ownAddress) return undefined;
  if (ip !== undefined && ip !== ownAddress) return undefined;
  const port = Number(options.get('p') ?? 80);
  const path = options.get('u') ?? '/';
  const contains = options.get('s');
  const times = timesOf(options);
  const timeout = patience(options);
  if (timeout === undefined) return undefined;
  if (host === undefined && ip === undefined) return undefined;
  if (!isPort(port) || times === undefined || !/^\/[\w./~%&=?:@+,;-]*$/.test(path)) return undefined;
  if (contains !== undefined && (contains.includes('{{') || contains.trim() === '')) return undefined;
  const codes = status.split(',').map(Number);
  return {
    http: {
      url: port === 80 ? path : `:${port}${path}`,
      status: codes.length === 1 ? (codes[0] ?? 200) : codes,
      ...(contains === undefined ? {} : { contains }),
      ...times,
    },
    timeout,
  };
}

/** After this a plugin of sockets is CRITICAL; 10 s when it is told nothing. */
function patience(options: ReadonlyMap<string, string>): string | undefined {
  const text = options.get('t') ?? '10';
  return /^[1-9]\d{0,2}$/.test(text) ? `${text}s` : undefined;
}

const ownAddress = '{{ host.address }}';

/** Each option once, and no other words. */
function readPlain(words: readonly string[], spec: OptionSpec): Map<string, string> | undefined {
  const options: ReadOptions | undefined = readOptions(words, spec);
  if (options === undefined || options.words.length > 0) return undefined;
  const plain = new Map<string, string>();
  for (const [letter, [value = '', ...more]] of options.values) {
    if (more.length > 0) return undefined;
    plain.set(letter, value);
  }
  return plain;
}

/** Seconds with parts; undefined when a limit is none, or they cross. */
function timesOf(options: ReadonlyMap<string, string>): Record<string, string> | undefined {
  const times: Record<string, string> = {};
  let warnMs = 0;
  for (const [letter, key] of [
    ['w', 'warn'],
    ['c', 'crit'],
  ] as const) {
    const text = options.get(letter);
    if (text === undefined) continue;
    const ms = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Math.round(Number(text) * 1000) : 0;
    if (ms <= 0 || ms > 3_600_000 || ms < warnMs) return undefined;
    if (key === 'warn') warnMs = ms;
    times[key] = formatDuration(ms);
  }
  return times;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}
