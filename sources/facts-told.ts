/**
 * Reads what sources/facts-script.ts printed. All of it was written by a host that may be hostile: text is cleaned and cut,
 * numbers are numbers, and nothing is believed but complete answers with the right nonce.
 */
import type { Json } from '../core/sources.ts';
import { factMark, unitsLimit } from './facts-script.ts';

export type FactsTold =
  | { ok: true; values: Readonly<Record<string, Json>>; problems: readonly string[] }
  | { ok: false; problem: string };

/** Characters of one value. */
const textLimit = 256;
const addressesLimit = 256;

/** Bytes of the script's answer that a runner has to keep. */
export const builtinBytesLimit = 262_144;

/** What is absent was not told, or not in a form that is known. */
export function readBuiltinFacts(stdout: string, nonce: string): FactsTold {
  const words = readWords(stdout, nonce);
  if (!words.has('end')) return { ok: false, problem: 'its answer is incomplete' };
  const one = (word: string): string | undefined => words.get(word)?.[0];
  const kernel = { name: one('kernel_name'), release: one('kernel_release') };
  const memory = {
    total_mb: megabytes(one('memory_kb'), 1_024) ?? megabytes(one('memory_bytes'), 1),
    swap_mb:
      megabytes(one('swap_kb'), 1_024) ??
      megabytes(one('swap_bytes'), 1) ??
      megabytes(/total = (\d+)(?:[.,]\d+)?M/.exec(one('swap_usage') ?? '')?.[1], 1_048_576),
  };
  const fqdn = one('fqdn');
  const values = present({
    os: osOf(words, kernel.name),
    kernel: present(kernel),
    architecture: one('architecture'),
    hostname: one('hostname'),
    fqdn: fqdn !== undefined && /^[^.\s]+\.[^\s]+$/.test(fqdn) ? fqdn : undefined,
    addresses: addressesOf(words.get('address')),
    cpus: countOf(one('cpus')),
    memory: present(memory),
    boot_id: one('boot_id'),
    package_manager: packageManagers[one('package_manager') ?? ''],
    systemd_units: unitsOf(words.get('unit')),
    virtualization: virtualizationOf(words),
  });
  return { ok: true, values: values ?? {}, problems: [] };
}

function readWords(stdout: string, nonce: string): Map<string, string[]> {
  const words = new Map<string, string[]>();
  const begin = `${factMark} ${nonce} `;
  // The last line has no end when the output was cut.
  for (const line of stdout.split('\n').slice(0, -1)) {
    if (!line.startsWith(begin)) continue;
    const [word = '', ...rest] = line.slice(begin.length).split(' ');
    const text = clean(rest.join(' '));
    if (text === '') continue;
    const known = words.get(word);
    if (known === undefined) words.set(word, [text]);
    else known.push(text);
  }
  return words;
}

function clean(text: string): string {
  return text
    .replaceAll(/\p{Cc}/gu, '')
    .trim()
    .slice(0, textLimit)
    .replace(/[\uD800-\uDBFF]$/, '');
}

/** Without what is absent; undefined when nothing is left. */
function present(values: Readonly<Record<string, Json | undefined>>): Record<string, Json> | undefined {
  const kept = Object.entries(values).flatMap(([key, value]): [string, Json][] =>
    value === undefined ? [] : [[key, value]],
  );
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}

function countOf(text: string | undefined): number | undefined {
  const count = text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : 0;
  return count > 0 ? count : undefined;
}

/** Mebibytes, rounded. */
function megabytes(text: string | undefined, unitBytes: number): number | undefined {
  if (text === undefined || !/^\d{1,15}$/.test(text)) return undefined;
  return Math.round((Number(text) * unitBytes) / 1_048_576);
}

/** Of `ID` and `ID_LIKE` of os-release(5). */
const families: Readonly<Record<string, string>> = {
  debian: 'debian',
  ubuntu: 'debian',
  rhel: 'redhat',
  fedora: 'redhat',
  centos: 'redhat',
  amzn: 'redhat',
  suse: 'suse',
  sles: 'suse',
  opensuse: 'suse',
  arch: 'arch',
  alpine: 'alpine',
  gentoo: 'gentoo',
  freebsd: 'bsd',
  openbsd: 'bsd',
  netbsd: 'bsd',
};

function osOf(words: ReadonlyMap<string, string[]>, kernel: string | undefined): Json | undefined {
  const macos = words.get('macos')?.[0];
  if (macos !== undefined) return { id: 'macos', name: 'macOS', version: macos, family: 'darwin' };
  const release = new Map<string, string>();
  for (const line of words.get('os_release') ?? []) {
    const at = line.indexOf('=');
    const value = unquoted(line.slice(at + 1));
    if (value !== '') release.set(line.slice(0, at), value);
  }
  const id = (release.get('ID') ?? kernel)?.toLowerCase();
  if (id === undefined) return undefined;
  const like = (release.get('ID_LIKE') ?? '').toLowerCase().split(/\s+/);
  const family = [id, ...like].find((name) => Object.hasOwn(families, name));
  return (
    present({
      id,
      name: release.get('NAME') ?? kernel,
      version: release.get('VERSION_ID') ?? words.get('freebsd')?.[0]?.replace(/-.*$/, ''),
      family: (family === undefined ? undefined : families[family]) ?? id,
    }) ?? null
  );
}

/** A value of os-release(5): as in a shell, without substitutions. */
function unquoted(value: string): string {
  const quote = value[0];
  if (value.length >= 2 && (quote === '"' || quote === "'") && value.endsWith(quote)) {
    const inner = value.slice(1, -1);
    return quote === '"' ? inner.replaceAll(/\\([\\"$`])/g, '$1') : inner;
  }
  return value;
}

/** Of the host towards others: none of the loopback, none of a link. */
function addressesOf(told: readonly string[] | undefined): Json | undefined {
  if (told === undefined) return undefined;
  const addresses = told
    .map((address) => address.toLowerCase())
    .filter((address) => /^(\d{1,3}\.){3}\d{1,3}$|^[0-9a-f]*:[0-9a-f:.]*$/.test(address))
    .filter((address) => !/^(127\.|169\.254\.|::1$|fe[89ab][0-9a-f]:)/.test(address));
  return [...new Set(addresses)].slice(0, addressesLimit);
}

const packageManagers: Readonly<Record<string, string>> = {
  'apt-get': 'apt',
  dnf: 'dnf',
  yum: 'yum',
  zypper: 'zypper',
  pacman: 'pacman',
  apk: 'apk',
  'xbps-install': 'xbps',
  emerge: 'portage',
  opkg: 'opkg',
  'nix-env': 'nix',
  pkg: 'pkg',
  brew: 'brew',
};

/** Services of sessions and of single commands come and go, and say nothing of what the host is. */
const passing = /^(user@|user-runtime-dir@|run-[a-z]?\d|run-[0-9a-f]{8,}|session-)/;

function unitsOf(told: readonly string[] | undefined): Json | undefined {
  if (told === undefined) return undefined;
  const units = told.filter((unit) => /^[A-Za-z0-9:_.\\@-]+\.service$/.test(unit) && !passing.test(unit));
  return [...new Set(units)].sort().slice(0, unitsLimit);
}

/** In the words of systemd-detect-virt(1). */
const guests: readonly (readonly [pattern: RegExp, word: string])[] = [
  [/^none$|^0$/, 'none'],
  [/^hv$|microsoft/i, 'microsoft'],
  [/^vbox$|virtualbox|innotek/i, 'oracle'],
  [/vmware/i, 'vmware'],
  [/xen/i, 'xen'],
  [/parallels/i, 'parallels'],
  [/bhyve/i, 'bhyve'],
  [/amazon/i, 'amazon'],
  [/google/i, 'google'],
  [/kvm|qemu|openstack|^generic$/i, 'kvm'],
];

function virtualizationOf(words: ReadonlyMap<string, string[]>): string | undefined {
  const told = words.get('virtualization')?.[0];
  if (told !== undefined) return /^[a-z][a-z0-9-]{0,31}$/.test(told) ? told : undefined;
  const file = words.get('container')?.[0];
  if (file !== undefined) return file.includes('docker') ? 'docker' : file.includes('lxd') ? 'lxc' : 'podman';
  if (words.get('hv_vmm_present')?.[0] === '1') return 'apple';
  const hints = ['vm_guest', 'hv_vmm_present', 'dmi'].flatMap((word) => words.get(word) ?? []);
  for (const hint of hints) {
    const known = guests.find(([pattern]) => pattern.test(hint));
    if (known !== undefined) return known[1];
  }
  return undefined;
}
