/**
 * Owns the forms of commands around commands: arguments of check_command, the options of check_by_ssh and check_nrpe, sudo.
 * Source: Monitoring Plugins 2.3, NRPE 4.
 */
import type { OptionSpec } from './word-options.ts';

/** `\!` and `\\` stand for themselves. Source: get_raw_command_line_r of Nagios Core. */
export function splitCommand(text: string): string[] {
  const [name = '', rest] = text.split(/!([\s\S]*)/);
  if (rest === undefined) return [name];
  const args = [''];
  for (let at = 0; at < rest.length; at += 1) {
    const each = rest[at] ?? '';
    const last = args.length - 1;
    if (each === '\\' && /[!\\]/.test(rest[at + 1] ?? '')) {
      at += 1;
      args[last] += rest[at] ?? '';
    } else if (each === '!') args.push('');
    else args[last] += each;
  }
  return [name, ...args];
}

export const sshOptions: OptionSpec = {
  letters: 'H:p:C:l:i:t:O:s:S::E::o:F:nfq1246v',
  long: {
    hostname: 'H',
    port: 'p',
    command: 'C',
    logname: 'l',
    identity: 'i',
    timeout: 't',
    output: 'O',
    services: 's',
    name: 'n',
    'skip-stdout': 'S',
    'skip-stderr': 'E',
    skip: 'S',
    'ssh-option': 'o',
    configfile: 'F',
    fork: 'f',
    quiet: 'q',
    'use-ipv4': '4',
    'use-ipv6': '6',
  },
};

export const nrpeOptions: OptionSpec = {
  letters: 'H:p:c:t:a:b:P:d:L:C:K:A:s:S:g:46nu23hlqDE',
  long: {
    host: 'H',
    port: 'p',
    command: 'c',
    timeout: 't',
    args: 'a',
    'no-ssl': 'n',
    'unknown-timeout': 'u',
    'v2-packets-only': '2',
    ipv4: '4',
    ipv6: '6',
  },
  rest: 'a',
};

/** The command behind `sudo`, and whose rights it had. */
export function withoutSudo(
  words: readonly string[],
): { words: readonly string[]; sudo?: true | { user: string } } | undefined {
  if (!/^(\/usr\/bin\/|\/usr\/local\/bin\/|\/bin\/)?sudo$/.test(words[0] ?? '')) return { words };
  let at = 1;
  let user: string | undefined;
  for (; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word === '-u') {
      at += 1;
      user = words[at];
    } else if (word === '--') {
      at += 1;
      break;
    } else if (word !== '-n') break;
  }
  const rest = words.slice(at);
  if (rest.length === 0 || rest[0]?.startsWith('-') === true) return { words };
  if (user === undefined || user === 'root') return { words: rest, sudo: true };
  return /^[A-Za-z_][A-Za-z0-9._-]{0,63}$/.test(user) ? { words: rest, sudo: { user } } : { words };
}
