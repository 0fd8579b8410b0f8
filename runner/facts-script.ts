/**
 * The sh text that asks a target about itself, for any POSIX shell, and never changes anything there: boot, uptime, the
 * newest fence, and with runner/people-script.ts traces of people. Text only; runner/target-guard.ts reads the answers.
 */
import type { HumanProbe } from '../core/guard-port.ts';
import { quoteShell } from '../core/shell-quote.ts';
import { peopleScript } from './people-script.ts';

export const has = `
_has() { command -v "$1" >/dev/null 2>&1; }
`;

/**
 * Facts about the machine. Sources: proc(5); sysctl(3) of macOS and FreeBSD; uptime(1) of procps; systemd.exec(5),
 * INVOCATION_ID. A machine without a boot id tells when it booted, in seconds; adjusting the clock may move that a
 * little, so only 10 s or more make another boot. Without either it tells nothing.
 */
export const facts = `
_seconds() {
  case $1 in
    '') ;;
    '{ sec = '*) printf '%s\\n' "$1" | sed -n 's/^{ sec = \\([0-9]*\\).*/\\1/p' ;;
    *[!0-9]*) TZ=UTC0 date -d "$1" +%s 2>/dev/null || TZ=UTC0 date -j -f '%a %b %d %T %Y' "$1" +%s 2>/dev/null ;;
    *) printf '%s\\n' "$1" ;;
  esac
}
_boot_time() {
  _time=$(_seconds "$(TZ=UTC0 sysctl -n kern.boottime 2>/dev/null)")
  [ -n "$_time" ] || _time=$(sed -n 's/^btime \\([0-9]*\\)$/\\1/p' /proc/stat 2>/dev/null)
  [ -n "$_time" ] || _time=$(_seconds "$(TZ=UTC0 uptime -s 2>/dev/null)")
  printf '%s\\n' "$_time"
}
_boot() {
  _boot_id=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
  [ -n "$_boot_id" ] || _boot_id=$(sysctl -n kern.bootsessionuuid 2>/dev/null)
  [ -n "$_boot_id" ] || _boot_id=$(_boot_time)
  printf '%s\\n' "$_boot_id"
}
_same_boot() {
  [ "$1" != "$2" ] || return 0
  case $1$2 in *[!0-9]*) return 1 ;; esac
  [ -n "$1" ] && [ -n "$2" ] && _apart=$(($1 - $2)) && [ "\${_apart#-}" -lt 10 ]
}
_uptime() {
  if { read -r _up _idle </proc/uptime; } 2>/dev/null; then printf '%s\\n' "$_up"; return; fi
  _up=$(_boot_time)
  [ -z "$_up" ] || echo "$(($(date +%s) - _up))"
}
_invocation() { systemctl show -p InvocationID -- "$1" 2>/dev/null | sed -n 's/^InvocationID=//p'; }
_say() { printf '\\n@mendd %s %s\\n' "$_nonce" "$*"; }
_refuse() { _say refused "$@"; exit 0; }
`;

/** Where the records are: `_home` when set. `_at_home` calls its argument with each place until one will do. */
export const home = `
_at_home() {
  if [ -n "$_home" ]; then "$1" "$_home"
  elif [ "$(id -u)" = 0 ]; then "$1" /run/mendd || "$1" /var/run/mendd
  else [ -n "\${HOME:-}" ] && "$1" "$HOME/.cache/mendd/run/$(cat /etc/machine-id 2>/dev/null || uname -n)"; fi
}
`;

export interface FactsScript {
  /** [0-9a-z]; unknown to whatever else prints on the same stream. */
  nonce: string;
  unit?: string | undefined;
  people?: HumanProbe | undefined;
  /** Where the guard keeps its records, an absolute path; the usual places when absent. */
  directory?: string | undefined;
}

/**
 * Answers: `facts <boot id> <uptime> <invocation id> <fence>`, `-` for what there is not. With `people` the words of
 * runner/people-script.ts follow, and `end` when all was asked.
 */
export function guardFactsScript({ nonce, unit, people, directory = '' }: FactsScript): string {
  return `
_nonce=${nonce} _home=${quoteShell(directory)}
${has}${facts}${home}
_fence=
_read_fence() { [ -O "$1" ] && { read -r _fence <"$1/fence"; } 2>/dev/null; }
_at_home _read_fence
case $_fence in *[!0-9]*) _fence= ;; esac
_boot=$(_boot) _up=$(_uptime) _unit=${unit === undefined ? '' : `$(_invocation ${quoteShell(unit)})`}
_say facts "\${_boot:--}" "\${_up:--}" "\${_unit:--}" "\${_fence:--}"
${people === undefined ? '' : peopleScript(people)}
exit 0
`;
}
