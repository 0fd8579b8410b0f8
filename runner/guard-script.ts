/**
 * The sh text of the target guard, for any POSIX shell (tried: dash, bash, busybox ash). Text only: it
 * never sends anything; runner/guard-answer.ts reads what it prints.
 *
 * Three processes carry an action out, so that no single death loses the verdict or the lock:
 * - the wrapper belongs to the SSH session and only waits;
 * - the supervisor, in a session of its own, holds the host's lock, checks, records and answers;
 * - the limiter, leader of the command's process group, is the command's parent: it ends the whole group in
 *   time with `kill 0`, which can never hit a stranger, and writes the exit code even if the supervisor died.
 *
 * State: /run/mendd for root; ~/.cache/mendd/run/<machine> for others, not /run/user/<uid>, which systemd
 * removes with the last session of the user, and with it the proof that an intent was received.
 * All names begin with `_`, so that they do not meet variables of the action's environment.
 */

import { quoteShell } from '../core/shell-quote.ts';
import type { Preconditions } from '../core/types.ts';
import { facts, has, home } from './facts-script.ts';

/** Bytes kept of each of the command's stdout and stderr; the rest is drained. */
export const keptOutputBytes = 65_536;

/** Intents become names of directories: no slash, no leading dot or dash, room for the file system's 255. */
export function isIntentId(id: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._~-]{0,199}$/.test(id);
}

/**
 * Enters the state directory. `-O` is asked after `cd`, so that nobody can exchange the directory in between. All in it
 * is private; the directory itself may be searched, so that every account sees a person's /run/mendd/hold.
 */
const state = `
umask 077
_enter() {
  [ ! -L "$1" ] && mkdir -p "$1" && cd "$1" && [ -O . ] && chmod 711 . && mkdir -p intents && touch lock
} 2>/dev/null
_at_home _enter || _refuse unusable "no private writable directory for the guard's records: \${_home:-/run/mendd for root, ~/.cache/mendd/run for others}; it must belong to $(id -un 2>/dev/null) and be no symlink"
_boot=$(_boot)
_dir=intents/$_id
`;

/**
 * `_lock` succeeds when no action runs on this host; descriptor 9 then holds the lock. Without flock(1) each
 * taker publishes a file with its pid and boot id and then looks for living others: two at once may both be
 * refused, never both let in.
 */
const lock = `
_own_lock=
_lives() { kill -0 "$1" 2>/dev/null && ! grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null; }
_unlock() { [ -z "$_own_lock" ] || rm -f "$_own_lock"; }
_lock() {
  if _has flock; then exec 9>>lock && flock -n 9; return; fi
  _own_lock=lock.$$.$_nonce
  printf '%s\\n' "$_boot" >"$_own_lock" || return 1
  for _other in lock.*.*; do
    [ "$_other" != "$_own_lock" ] || continue
    _pid=\${_other#lock.}; _pid=\${_pid%%.*}
    _since=$(cat "$_other" 2>/dev/null)
    if _lives "$_pid" && { [ -z "$_since" ] || _same_boot "$_since" "$_boot"; }; then
      _unlock; _own_lock=; return 1
    fi
    rm -f "$_other"
  done
}
`;

/** Starts a program in a session of its own. perl stands in for setsid(1) on macOS. */
const detach = `
_detached() {
  if _has setsid; then setsid "$@"
  elif _has perl; then perl -MPOSIX -e 'POSIX::setsid(); exec { $ARGV[0] } @ARGV or exit 127' "$@"
  else "$@"; fi
}
`;

/**
 * Prints a kept stream. Each line gets a prefix, so that no output can look like one of our own lines; one
 * newline is added, so that the reader knows whether the stream ended in one.
 */
const section = `
_section() {
  _cut=0; [ "$(($(wc -c <"$_dir/$1")))" -le ${keptOutputBytes} ] || _cut=1
  _say "$1" "$_cut"
  { dd bs=${keptOutputBytes} count=1 <"$_dir/$1" 2>/dev/null | LC_ALL=C tr -d '\\000'; echo; } | LC_ALL=C sed 's/^/|/'
}
`;

/**
 * Arguments: intent directory, limit and grace in seconds, lock file (none with flock), umask and working
 * directory for the command, command. Its own stderr is closed, so that the shell's
 * remarks on killed children do not get into the command's. The timer is born deaf to what a command may
 * send to its own group. The command's exit status and whether it ran out of time go to `exit`, by rename.
 */
const limiter = `
trap '' TERM HUP INT
_dir=$1 _limit=$2 _grace=$3 _lock=$4 _umask=$5 _cwd=$6 _command=$7
_leads=1; command -v setsid >/dev/null 2>&1 || command -v perl >/dev/null 2>&1 || _leads=0
exec >"$_dir/o" 3>"$_dir/e" 2>/dev/null
[ -z "$_lock" ] || cat "$_lock" >"lock.$$.limiter"
_kill() { if [ "$_leads" = 1 ]; then kill "-$1" 0; else kill "-$1" "$(cat "$_dir/pid")"; fi; }
_await() { while kill -0 "$1"; do wait "$1"; done; }
(
  trap 'kill -KILL "$!"; exit' USR1
  sleep "$_limit" 9>&- &
  _await "$!"
  touch "$_dir/late"
  _kill TERM
  sleep "$_grace" 9>&- &
  _await "$!"
  _kill KILL
) </dev/null >/dev/null 3>&- &
_timer=$!
trap : TERM HUP INT
( exec sh -c 'echo "$$" >"$1/pid"; umask "$2"; cd "$3" 2>/dev/null || cd /; exec 9>&-; exec sh -c "$4"' \\
  sh "$_dir" "$_umask" "$_cwd" "$_command" </dev/null 2>&3 3>&- )
_code=$?
_late=0
[ ! -e "$_dir/late" ] || { _code=124; _late=1; }
printf '%s %s\\n' "$_code" "$_late" >"$_dir/exit.new" && mv "$_dir/exit.new" "$_dir/exit"
exec >&- 3>&-
if [ "$_late" = 1 ]; then _await "$_timer"; else kill -USR1 "$_timer"; wait "$_timer"; fi
[ -z "$_lock" ] || rm -f "lock.$$.limiter"
`;

/** What every script of the guard starts from. */
export interface GuardPlace {
  /** [0-9a-z]; unknown to whatever else prints on the same stream. */
  nonce: string;
  intentId: string;
  /** Absolute path; the usual places when absent. */
  directory?: string | undefined;
}

export interface GuardScript {
  place: GuardPlace;
  fence: number;
  preconditions: Preconditions;
  command: string;
  limitSec: number;
  /** From TERM to KILL. */
  graceSec: number;
}

function opening({ nonce, intentId, directory = '' }: GuardPlace): string {
  return `
_nonce=${nonce} _id=${quoteShell(intentId)} _home=${quoteShell(directory)}
${has}${facts}${detach}${home}${state}${lock}${section}`;
}

/** The action under guard. Answers: `refused`, or `started`, `stdout`, `stderr`, `exit`. */
export function guardScript(script: GuardScript): string {
  return `${has}${detach}
_detached sh -c ${quoteShell(supervisor(script))} mendd-guard ${quoteShell(limiter)} ${quoteShell(script.command)}
exit "$?"
`;
}

function supervisor({ place, fence, preconditions, limitSec, graceSec }: GuardScript): string {
  const { bootId = '', unit = '', invocationId = '', notAfterUptimeSec } = preconditions;
  const notAfter = notAfterUptimeSec === undefined ? '' : Math.floor(notAfterUptimeSec);
  return `
trap : PIPE HUP TERM INT
_limiter=$1 _command=$2 _umask=$(umask) _cwd=$PWD
_fence=${fence}
_want_boot=${quoteShell(bootId)} _unit=${quoteShell(unit)} _want_unit=${quoteShell(invocationId)} _not_after=${notAfter}
${opening(place)}${admission}${execution(limitSec, graceSec)}`;
}

/** All that can refuse; the first refusal ends it. */
const admission = `
_seen() { _refuse duplicate "this host has already received or been asked about $_id"; }
[ ! -d "$_dir" ] || _seen
_lock || _refuse busy "another action runs on this host: $(cat holder 2>/dev/null)"
trap _unlock EXIT
_full() { rm -rf "$_dir"; _refuse unusable "the guard cannot write its record in $PWD; is the file system full?"; }

_highest=0; [ ! -s fence ] || read -r _highest <fence
case $_highest in '' | *[!0-9]*) _refuse unusable "$PWD/fence holds no number; remove it when no other daemon manages this host" ;; esac
[ "$_fence" -ge "$_highest" ] || _refuse fenced "a newer daemon (fence $_highest) acts on this host; this one has fence $_fence"
[ "$_fence" = "$_highest" ] || { printf '%s\\n' "$_fence" >fence.new && mv fence.new fence; } || _full
if [ -n "$_want_boot" ]; then
  [ -n "$_boot" ] || _refuse unusable "this host does not tell its boot id"
  _same_boot "$_boot" "$_want_boot" || _refuse boot_changed "the host was rebooted since the decision: boot id $_boot, expected $_want_boot"
fi
_up=$(_uptime); _up=\${_up%%.*}
if [ -n "$_not_after" ]; then
  [ -n "$_up" ] || _refuse unusable "this host does not tell its uptime"
  [ "$_up" -le "$_not_after" ] || _refuse too_late "it arrived $((_up - _not_after)) s after its time"
fi
if [ -n "$_want_unit" ]; then
  _is_unit=$(_invocation "$_unit")
  [ "$_is_unit" = "$_want_unit" ] || _refuse unit_changed "$_unit was started or stopped since the decision: invocation \${_is_unit:-none}, expected $_want_unit"
fi

printf '%s\\n' "$_id" >holder || _full
mkdir "$_dir" 2>/dev/null || { [ ! -d "$_dir" ] || _seen; _full; }
printf '%s %s\\n' "$_boot" "$_up" >"$_dir/ready" || _full
touch "$_dir/stdout" "$_dir/stderr" && mkfifo "$_dir/o" "$_dir/e" || _full
`;

/** dd passes each piece on as it comes, where head(1) of some systems keeps it until the end. */
function execution(limitSec: number, graceSec: number): string {
  return `
_keep() {
  _size=0
  while [ "$_size" -le ${keptOutputBytes} ]; do
    dd bs=4096 count=4 >>"$_dir/$1" 2>/dev/null
    _now=$(($(wc -c <"$_dir/$1")))
    [ "$_now" -gt "$_size" ] || break
    _size=$_now
  done
  cat >/dev/null
  touch "$_dir/$1.end"
}
# Nobody listens any more: nothing has been started, and an inspection will say so.
_say started || exit 0
mv "$_dir/ready" "$_dir/started" || exit 0
printf '%s\\n' "$_id" >>started.log
# By exec in a subshell: a redirected function would keep copies of the session's streams and of the lock.
( exec <"$_dir/o" >/dev/null 2>&1 9>&-; _keep stdout ) &
( exec <"$_dir/e" >/dev/null 2>&1 9>&-; _keep stderr ) &
_detached sh -c "$_limiter" mendd-limiter "$_dir" ${limitSec} ${graceSec} "$_own_lock" "$_umask" "$_cwd" "$_command"
_code=$?
if [ ! -s "$_dir/exit" ]; then
  if [ -e "$_dir/late" ]; then echo '124 1'; else echo "$_code 0"; fi >"$_dir/exit.new"
  mv "$_dir/exit.new" "$_dir/exit"
fi
# A background child of the command may keep the streams open: it has 1 s to say its last words.
_turn=0
until [ -e "$_dir/stdout.end" ] && [ -e "$_dir/stderr.end" ] || [ "$_turn" -ge 20 ]; do
  sleep 0.05 2>/dev/null || { sleep 1; _turn=20; }
  _turn=$((_turn + 1))
done
rm -f "$_dir/o" "$_dir/e"
_section stdout
_section stderr
_say exit "$(cat "$_dir/exit")"

find intents/. ! -name . -prune -type d -mtime +7 -exec rm -rf {} +
ls -1t intents | tail -n +201 | while read -r _old; do rm -rf "intents/$_old"; done
[ "$(($(wc -l <started.log)))" -le 1000 ] || { tail -n 500 started.log >started.new && mv started.new started.log; }
exit 0
`;
}

/**
 * What became of an intent. Answers: `refused`, `absent`, `running`, `interrupted`, or `finished` between the
 * sections and the exit. An absent intent is marked as seen, so that a copy still on its way is refused: what
 * was once reported as never started never starts.
 */
export function guardInspectScript(place: GuardPlace): string {
  return `${opening(place)}
_holds() { [ "$_free" = 0 ] && [ "$(cat holder 2>/dev/null)" = "$_id" ]; }
_free=0; _lock && _free=1
trap _unlock EXIT
if [ ! -s "$_dir/exit" ] && [ -e "$_dir/late" ] && ! _holds; then echo '124 1' >"$_dir/exit"; fi
if [ -s "$_dir/exit" ]; then
  _section stdout
  _section stderr
  _say finished "$_boot" "$(cat "$_dir/exit")"
elif _holds; then _say running "$_boot"
elif [ -e "$_dir/started" ]; then _say interrupted "$_boot"
elif mkdir "$_dir" 2>/dev/null; then _say absent "$_boot"
elif _holds; then _say running "$_boot"
elif [ -d "$_dir" ]; then _say absent "$_boot"
else _refuse unusable "the intent cannot be marked as seen: is the disk full?"; fi
exit 0
`;
}
