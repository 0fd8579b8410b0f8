/** Owns what becomes of one check and of one action of Automatron on one way through the conditions of its file. */
import type { PluginTexts } from './automatron-plugins.ts';
import { quoteWord, restore, shellWords, withoutSecrets } from './automatron-shell.ts';
import { isRecord, textOf, textsOf } from './automatron-source.ts';
import type { Mark } from './jinja-variants.ts';
import type { NoteLevel } from './report.ts';
import type { YamlValue } from './yaml-text.ts';

/** Keys in the language of mendd; `undefined` values are not there. */
export type Item = Readonly<Record<string, YamlValue>>;

export interface ItemContext {
  marks: readonly Mark[];
  plugins: PluginTexts;
  /** Login names of the credentials of Automatron, by their name. */
  logins: ReadonlyMap<string, string>;
  /** Whether an action waits for UNKNOWN and not for CRITICAL, so that exit codes must stay as they are. */
  wantsUnknown: boolean;
  /** Where a person puts a secret that is no longer in the text. */
  secretName: string;
  note: (key: string, level: NoteLevel, message: string, hint?: string) => void;
}

/** A mark without Liquid was met: the item cannot be carried over. */
class UnsaidValue extends Error {}

/** The check, or why there is none. */
export function checkOf(written: unknown, context: ItemContext): Item | { leftOut: string } {
  return orLeftOut(() => {
    if (!isRecord(written)) return { leftOut: 'a check is a map of keys' };
    const local = isLocal(written, context);
    const kind = kindOf(written);
    if (kind === undefined) return { leftOut: 'it has neither `cmd` nor `plugin`' };
    const common: Item = { ...(local ? { run_on: 'local' } : {}), ...sudoOf(written, context) };
    tellUnknown(written, checkKeys, context);
    if (kind === 'cmd') {
      const run = command(textOf(written['cmd']), context, 'cmd');
      return { run, ...common, ...lsbStates(textOf(written['cmd']), context) };
    }
    const { name, args } = pluginOf(written);
    if (!pluginPattern.test(name)) return { leftOut: unusablePlugin };
    const plugin = context.plugins.check(name, (message, hint) =>
      context.note('plugin', 'check', message, hint),
    );
    const words = shellWords(args);
    if (words === undefined) {
      return {
        leftOut: '`args` need a shell, and arguments of a plugin have none; write a `run` that calls it',
      };
    }
    const clean = withoutSecrets(words.join('\u0001'), 'REPLACE-ME');
    if (clean.count > 0) {
      const hint = 'let the plugin read it from a file on the host';
      context.note('args', 'check', 'a password was in `args`; `REPLACE-ME` stands there now', hint);
    }
    const list = words.length === 0 ? [] : clean.text.split('\u0001').map((word) => argument(word, context));
    return { plugin, ...(list.length === 0 ? {} : { args: list }), ...common };
  });
}

const checkKeys = ['execute_from', 'type', 'cmd', 'plugin', 'args', 'credentials'];
const actionKeys = [...checkKeys, 'trigger', 'frequency', 'call_on', 'run_once', 'host'];
const problemStates = ['warning', 'critical', 'unknown'];

/** What an action became: for problems, for their end, or for both. */
export interface ReadAction {
  problem?: Item;
  recovery?: Item;
}

export function actionOf(written: unknown, context: ItemContext): ReadAction | { leftOut: string } {
  return orLeftOut(() => {
    if (!isRecord(written)) return { leftOut: 'an action is a map of keys' };
    const kind = kindOf(written);
    if (kind === undefined) return { leftOut: 'it has neither `cmd` nor `plugin`' };
    tellUnknown(written, actionKeys, context);
    const effect = effectOf(written, kind, context);
    if ('leftOut' in effect) return effect;
    const on = textsOf(written['call_on']).map((state) => state.toLowerCase());
    const states = problemStates.filter((state) => on.includes(state));
    const strange = on.filter((state) => state !== 'ok' && !problemStates.includes(state));
    if (strange.length > 0) return { leftOut: `there is no state \`${strange[0]}\`` };
    if (on.length === 0) return { leftOut: 'its `call_on` has no state, so it never ran' };
    if (on.includes('ok')) {
      const words =
        'Automatron ran it at every OK result; mendd runs it once when a problem it acted on is over';
      context.note('call_on', 'changed', words);
    }
    const timing = timingOf(written, context);
    const ready =
      states.length === 0 ? {} : { problem: problemItem(written, states, effect, timing, context) };
    if (!on.includes('ok')) return ready;
    if ('reboot' in effect) {
      context.note('call_on', 'left_out', 'a reboot after a recovery is not carried over');
      return ready;
    }
    return { ...ready, recovery: effect };
  });
}

function problemItem(
  written: Record<string, unknown>,
  states: readonly string[],
  effect: Item,
  timing: Item,
  context: ItemContext,
): Item {
  const trigger = Math.trunc(Number(written['trigger'] ?? 1));
  if (!Number.isFinite(trigger) || trigger > 10_000)
    context.note('trigger', 'check', '`trigger` is no number; it is 1 now');
  const attempts = Number.isFinite(trigger) && trigger <= 10_000 ? Math.max(1, trigger) : 1;
  const state = states.length === problemStates.length ? {} : { state: [...states] };
  return { when: { ...state, attempts }, ...effect, ...timing };
}

function timingOf(written: Record<string, unknown>, context: ItemContext): Item {
  const seconds = Number(written['frequency'] ?? 0);
  const isTime = Number.isFinite(seconds) && seconds >= 0 && seconds <= 7 * 86_400;
  if (!isTime)
    context.note(
      'frequency',
      'check',
      '`frequency` is no number of seconds up to 7 days; it is 5 minutes now',
    );
  const cooldown = isTime ? durationOf(seconds) : '5m';
  if (written['run_once'] === true || /^(true|yes|on|1)$/i.test(textOf(written['run_once']))) {
    const words = '`run_once` ran it once for each problem; here it runs at most once a day on a host';
    context.note('run_once', 'changed', words);
    return { cooldown, max_runs: '1 per 1d' };
  }
  context.note(
    'frequency',
    'changed',
    'Automatron repeats it without end; `max_runs` ends that here, by default at 3 per 1h',
  );
  return { cooldown };
}

function durationOf(seconds: number): string {
  const whole = Math.ceil(seconds);
  for (const [unit, size] of [
    ['d', 86_400],
    ['h', 3600],
    ['m', 60],
  ] as const) {
    if (whole > 0 && whole % size === 0) return `${whole / size}${unit}`;
  }
  return `${whole}s`;
}

const rebootPattern =
  /^(sudo\s+(?:-n\s+)?)?((?:\/usr)?(?:\/s?bin\/)?(?:reboot|systemctl reboot|init 6|shutdown -r (?:now|\+\d+|0)))$/;

function effectOf(
  written: Record<string, unknown>,
  kind: 'cmd' | 'plugin',
  context: ItemContext,
): Item | { leftOut: string } {
  const elsewhere = typeof written['host'] === 'string' && written['execute_from'] === 'host';
  const local = isLocal(written, context) || elsewhere;
  const common: Item = { ...(local ? { run_on: 'local' } : {}), ...sudoOf(written, context) };
  if (kind === 'plugin') return pluginEffect(written, common, elsewhere, context);
  const cmd = textOf(written['cmd']);
  const reboot = rebootPattern.exec(cmd.trim());
  if (reboot?.[2] !== undefined && !local) {
    context.note(
      'cmd',
      'changed',
      'a reboot is an action of its own: mendd waits for the host, at most 1 per 6h',
    );
    return { reboot: { command: reboot[2] }, ...(reboot[1] === undefined ? {} : { sudo: true }), ...common };
  }
  if (!elsewhere) return { run: command(cmd, context, 'cmd'), timeout: '5m', ...common };
  const words = 'it runs on a host that is not the checked one: by `ssh` from the ops box, switched off';
  context.note('host', 'check', words, 'see that this login works, then delete `enabled: false`');
  const plain = command(cmd, context, 'cmd');
  const host = textOf(written['host']);
  if (/\{[{%]/.test(plain) || !/^[\w.:-]+$/.test(host))
    return { leftOut: 'templates on a host that is not the checked one cannot be carried over' };
  const there = quoteWord(plain);
  const login = context.logins.get('default') ?? 'root';
  const run = `ssh -o BatchMode=yes ${login}@${host} -- ${there}`;
  return { run, timeout: '5m', ...common, enabled: false };
}

function pluginEffect(
  written: Record<string, unknown>,
  common: Item,
  elsewhere: boolean,
  context: ItemContext,
): Item | { leftOut: string } {
  if (elsewhere) return { leftOut: 'a plugin on a host that is not the checked one cannot be carried over' };
  const { name, args: plain } = pluginOf(written);
  if (!pluginPattern.test(name)) return { leftOut: unusablePlugin };
  const secretive = name.startsWith('cloudflare/dns.')
    ? plain.replace(/^(\s*\S+\s+\S+@\S+\s+)([^\s\uE000]+)(?=\s|$)/, '$1--api-key=$2')
    : plain;
  const args = (secretive === '' ? '' : command(secretive, context, 'args')).replace('--api-key="$(', '"$(');
  const script = context.plugins.action(name, args);
  if (script.missing === undefined) return { run: script.run, timeout: '5m', ...common };
  context.note('plugin', 'check', script.missing, 'mend the path, then delete `enabled: false`');
  return { run: script.run, timeout: '5m', ...common, enabled: false };
}

const pluginPattern = /^[\w@%+=:,./-]{1,200}$/;
const unusablePlugin = 'this name of a plugin cannot be used';

/** Older versions had the arguments behind the name. */
function pluginOf(written: Record<string, unknown>): { name: string; args: string } {
  const [, name = '', more = ''] = /^\s*(\S*)\s*([^]*)$/.exec(textOf(written['plugin'])) ?? [];
  return { name, args: [more, ...textsOf(written['args'])].join(' ').trim() };
}

function kindOf(written: Record<string, unknown>): 'cmd' | 'plugin' | undefined {
  const wanted = textOf(written['type']).includes('plugin') ? 'plugin' : 'cmd';
  const other = wanted === 'plugin' ? 'cmd' : 'plugin';
  const has = (key: string): boolean =>
    ['string', 'number', 'boolean'].includes(typeof written[key]) && String(written[key]) !== '';
  if (has(wanted)) return wanted;
  return written['type'] === undefined && has(other) ? other : undefined;
}

function isLocal(written: Record<string, unknown>, context: ItemContext): boolean {
  const from = textOf(written['execute_from'] ?? 'target');
  if (!/target|remote|host/.test(from))
    context.note(
      'execute_from',
      'check',
      `\`execute_from: ${from.slice(0, 40)}\` is not known; it runs on the host`,
    );
  return from.includes('remote') && !from.includes('target');
}

function sudoOf(written: Record<string, unknown>, { logins, note }: ItemContext): Item {
  const name = written['credentials'];
  if (name === undefined || name === null || name === 'default') return {};
  const login = logins.get(textOf(name));
  if (login === undefined || login === logins.get('default')) {
    note('credentials', 'check', 'other `credentials` than those of the host are not carried over');
    return {};
  }
  const words = `\`credentials\` were another login, \`${login}\`; here it is \`sudo\` to that user`;
  note('credentials', 'changed', words);
  return { sudo: { user: login } };
}

/** `service` and `systemctl` exit 3 for what is stopped, which is UNKNOWN by the Nagios codes. Source: LSB 5, 22.2. */
function lsbStates(cmd: string, { wantsUnknown, note }: ItemContext): Item {
  const program = String.raw`service\s+\S+\s+status|systemctl\s+(?:status|is-active)\s+\S+`;
  const script = String.raw`/\S+/(?:rc\.d|init\.d)/\S+\s+status`;
  if (wantsUnknown || !new RegExp(`^(?:sudo\\s+(?:-n\\s+)?)?(?:${program}|${script})\\s*$`).test(cmd))
    return {};
  note('cmd', 'changed', 'exit code 3 means stopped: CRITICAL here, UNKNOWN in Automatron');
  return { exit_map: { 3: 'critical' } };
}

function command(cmd: string, context: ItemContext, key: string): string {
  const reference = `"$(cat /etc/mendd/secrets/${context.secretName})"`;
  const clean = withoutSecrets(cmd, reference);
  if (clean.count > 0) {
    const hint = `put it into /etc/mendd/secrets/${context.secretName}, where it runs, readable by that user only`;
    context.note(key, 'check', 'a password was written in it; it is read from a file now', hint);
  }
  const text = restore(clean.text, context.marks, { command: true });
  if (text === undefined) throw new UnsaidValue();
  return text;
}

/** An argument may be empty. */
function argument(text: string, { marks }: ItemContext): string {
  const restored = text === '' ? '' : restore(text, marks, { command: false });
  if (restored === undefined) throw new UnsaidValue();
  return restored;
}

function tellUnknown(
  written: Record<string, unknown>,
  known: readonly string[],
  { note }: ItemContext,
): void {
  for (const key of Object.keys(written)) {
    if (!known.includes(key)) note(key, 'left_out', `\`${key.slice(0, 60)}\` is not known`);
  }
}

function orLeftOut<T extends object>(read: () => T): T | { leftOut: string } {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnsaidValue) return { leftOut: 'a part of its text cannot be said in a definition' };
    throw error;
  }
}
