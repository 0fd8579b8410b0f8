/**
 * Brings plugin files to hosts: by content hash into a private directory of the account that runs them, verified
 * there, reused, old ones removed. It owns what it knows to be there and no transport.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { PluginFile } from '../core/definitions.ts';
import type { RunOutcome } from '../core/ports.ts';
import { quoteShell } from '../core/shell-quote.ts';
import type { PluginReady, PluginRequest, PluginUploader } from './plugin-upload-port.ts';

export const pluginLimitBytes = 10 * 1024 * 1024;

export function createPluginUploader(): PluginUploader {
  /** `<host key>\n<hash>/<name>` -> path on the host, or the upload that is under way. */
  const known = new Map<string, Promise<PluginReady | RunOutcome>>();
  return {
    ensure(request) {
      const key = keyOf(request.hostKey, request.plugin);
      const shared = known.get(key);
      if (shared) return shared;
      const upload = bring(request).then((answer) => {
        // A failure is asked again next time; `forget` may have made room for a newer upload meanwhile.
        if (answer.kind !== 'ready' && known.get(key) === upload) known.delete(key);
        return answer;
      });
      known.set(key, upload);
      return upload;
    },
    forget: (hostKey, plugin) => void known.delete(keyOf(hostKey, plugin)),
  };
}

function keyOf(hostKey: string, plugin: PluginFile): string {
  return `${hostKey}\n${placeOf(plugin)}`;
}

/** Looks first: most often the file lies there from an earlier time. */
async function bring(request: PluginRequest): Promise<PluginReady | RunOutcome> {
  const { plugin, run } = request;
  const looked = await run(lookScript(plugin));
  const seen = read(looked, plugin);
  if (seen.kind !== 'missing') return seen;
  const content = await load(plugin);
  if (typeof content === 'string') return trouble(looked, plugin, content);
  const checksum = seen.sum === 'cksum' ? posixChecksum(content) : '-';
  const uploaded = await run(uploadScript(plugin, checksum), content);
  const brought = read(uploaded, plugin);
  return brought.kind === 'missing'
    ? trouble(uploaded, plugin, 'it is gone right after its upload')
    : brought;
}

/** The bytes the definitions were checked with, or why they cannot be had. */
async function load({ path, sha256 }: PluginFile): Promise<Buffer | string> {
  try {
    const { size } = await stat(path);
    if (size > pluginLimitBytes) return `it has ${size} bytes; at most ${pluginLimitBytes} are uploaded`;
    const content = await readFile(path);
    const hash = createHash('sha256').update(content).digest('hex');
    return hash === sha256 ? content : `${path} was changed after the definitions were read; reload them`;
  } catch (error) {
    return `it cannot be read on the ops box: ${(error as Error).message}`;
  }
}

interface Missing {
  kind: 'missing';
  /** What the host can compare contents with. */
  sum: string;
}

/** Only the script's own lines count; a login may print others. */
function read(outcome: RunOutcome, plugin: PluginFile): PluginReady | RunOutcome | Missing {
  if (outcome.kind !== 'exited') return outcome;
  const [, word, rest = ''] = /^@mendd-plugin (ready|missing|failed) ?(.*)$/m.exec(outcome.stdout) ?? [];
  if (word === 'ready') return { kind: 'ready', path: rest };
  if (word === 'missing') return { kind: 'missing', sum: rest };
  const said = outcome.stderr.trim().split('\n').at(-1) ?? '';
  if (word === 'failed')
    return trouble(outcome, plugin, said === '' ? rest : `${rest} (${said.slice(0, 300)})`);
  return trouble(outcome, plugin, `exit ${outcome.exitCode}${said === '' ? '' : `, ${said.slice(0, 300)}`}`);
}

/** The host answers, so this is a verdict in words and no transport failure: exit 3 is UNKNOWN. */
function trouble(outcome: RunOutcome, plugin: PluginFile, words: string): RunOutcome {
  const { startedAtMs, durationMs } = outcome;
  const stdout = `UNKNOWN - the plugin ${basename(plugin.path)} could not be brought to the host: ${words}\n`;
  return { kind: 'exited', exitCode: 3, stdout, stderr: '', truncated: false, startedAtMs, durationMs };
}

function placeOf({ path, sha256 }: PluginFile): string {
  return `${sha256}/${basename(path).replaceAll(/[^A-Za-z0-9._-]/g, '_')}`;
}

/**
 * `good FILE`: it is a file of ours with the right content. `cksum`, the only sum POSIX promises, is used where
 * nothing better is.
 */
function common(plugin: PluginFile, checksum: string): string {
  return `
umask 077
place=${quoteShell(placeOf(plugin))} sha256=${quoteShell(plugin.sha256)} checksum=${quoteShell(checksum)}
say() { printf '\\n@mendd-plugin %s\\n' "$*"; }
fail() { say failed "$*"; exit 0; }
has() { command -v "$1" >/dev/null 2>&1; }
sum() {
  if has sha256sum; then set -- $(sha256sum <"$1"); echo "$1"
  elif has shasum; then set -- $(shasum -a 256 <"$1"); echo "$1"
  elif has openssl; then openssl dgst -sha256 <"$1" | sed 's/.*= *//'
  elif has sha256; then sha256 -q <"$1"
  else set -- $(cksum <"$1"); echo "$1-$2"; fi
}
good() {
  [ -f "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] || return 1
  found=$(sum "$1"); [ "$found" = "$sha256" ] || [ "$found" = "$checksum" ]
}
[ -n "\${HOME:-}" ] || fail 'this user has no home directory'
base=$HOME/.cache/mendd/plugins
file=$base/$place
folder=\${file%/*}
mkdir -p "$base" || fail "$base cannot be made"
for own in "$base" "$folder"; do
  [ ! -L "$own" ] || fail "$own is a symlink"
  [ -d "$own" ] || mkdir "$own" || fail "$own cannot be made"
  [ -O "$own" ] || fail "$own belongs to another user"
  chmod 700 "$own"
done
ready() {
  [ -x "$file" ] || fail "programs may not be run from $base (mounted noexec?)"
  touch "$folder"
  find "$base/." ! -name . -prune -type d -mtime +30 -exec rm -rf {} +
  say ready "$file"
  exit 0
}
`;
}

function lookScript(plugin: PluginFile): string {
  // Where only cksum is, the file is sent again: to compare, the content would have to be read here anyway.
  return `${common(plugin, '-')}
if good "$file"; then chmod 500 "$file"; ready; fi
if has sha256sum || has shasum || has openssl || has sha256; then say missing sha256; else say missing cksum; fi
exit 0
`;
}

function uploadScript(plugin: PluginFile, checksum: string): string {
  return `${common(plugin, checksum)}
part=$folder/.part.$$
trap 'rm -f "$part"' EXIT
cat >"$part" || fail "it cannot be written to $base; is the file system full?"
good "$part" || fail 'what arrived is not what was sent'
chmod 500 "$part" && mv -f "$part" "$file" || fail "it cannot be put into $folder"
good "$file" || fail "$file is not what was put there"
ready
`;
}

/** As cksum(1) prints it: `<CRC>-<bytes>`. Source: POSIX.1-2017 XCU cksum. */
export function posixChecksum(content: Uint8Array): string {
  let crc = 0;
  const add = (byte: number): void => {
    crc ^= byte << 24;
    for (let bit = 0; bit < 8; bit += 1) crc = crc < 0 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  };
  for (const byte of content) add(byte);
  for (let length = content.length; length > 0; length = Math.floor(length / 256)) add(length & 0xff);
  return `${~crc >>> 0}-${content.length}`;
}
