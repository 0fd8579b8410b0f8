/** The programs of an embedded host's machine, as POSIX sh text; it writes and runs nothing. */

/** File name in the machine's bin directory -> text. `keeper` is the process whose end ends the units. */
export function machineScripts(name: string, directory: string, keeper: number): Record<string, string> {
  const open = `#!/bin/sh\nroot=${directory}\n`;
  return {
    systemctl: `${open}host=${name}\n${systemctl}`,
    // Without a terminal there is nothing to wait for; the machine goes down by itself.
    reboot: `${open}exec "$root/bin/systemctl" reboot\n`,
    shutdown: `${open}for word; do [ "$word" = -r ] && exec "$root/bin/systemctl" reboot; done\nexit 1\n`,
    sudo: `#!/bin/sh\n${sudo}`,
    journalctl: `${open}${journalctl}`,
    'queue-worker': `#!/bin/sh\n# Works until it is killed, or the embedded host's own process is gone.\nwhile kill -0 ${keeper} 2>/dev/null; do sleep 5; done\n`,
  };
}

const sudo = `
while [ $# -gt 0 ]; do
  case $1 in
    --) shift; break ;;
    -u | -g) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
exec "$@"
`;

const journalctl = `
unit=queue-worker lines=200
while [ $# -gt 0 ]; do
  case $1 in
    -u) unit=\${2%.service}; shift ;;
    -n) lines=$2; shift ;;
  esac
  shift
done
[ -f "$root/units/$unit/journal" ] || { echo '-- No entries --'; exit 0; }
tail -n "$lines" "$root/units/$unit/journal"
`;

/**
 * A unit is a directory: state, pid, starts, invocation, since, journal, and the marks enabled, broken, flapping.
 * Exit codes: systemctl(1), LSB (3 not running, 4 no such unit, 5 not loaded).
 */
const systemctl = `
verb= value=0 properties= quiet=0 units=
while [ $# -gt 0 ]; do
  case $1 in
    --) shift; units="$units $*"; break ;;
    --value) value=1 ;;
    -p | --property) properties="$properties $2"; shift ;;
    --property=*) properties="$properties \${1#*=}" ;;
    -q | --quiet) quiet=1 ;;
    -*) ;;
    *) if [ -z "$verb" ]; then verb=$1; else units="$units $1"; fi ;;
  esac
  shift
done
if [ "$verb" = reboot ]; then touch "$root/reboot"; exit 0; fi

note() { printf '%s %s %s: %s\\n' "$(date '+%b %d %H:%M:%S')" "$host" "$unit" "$1" >>"$here/journal"; }
is() { printf '%s\\n' "$1" >"$here/state"; date '+%a %Y-%m-%d %H:%M:%S %Z' >"$here/since"; }
end() {
  pid=$(cat "$here/pid" 2>/dev/null)
  [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
  : >"$here/pid"
}
begin() {
  end
  echo "$(($(cat "$here/starts") + 1))" >"$here/starts"
  od -An -N16 -tx1 /dev/urandom | tr -d ' \\n' >"$here/invocation"
  if [ -e "$here/broken" ]; then is failed; note 'Main process exited, code=exited, status=1/FAILURE'; return; fi
  "$root/bin/$unit" </dev/null >/dev/null 2>&1 &
  echo "$!" >"$here/pid"
  rm -f "$here/stopped"
  is active
  note 'Started.'
}
look() {
  if [ -e "$here/flapping" ]; then
    if [ "$(cat "$here/state")" = active ]; then end; is failed; note 'Main process exited, code=killed, status=9/KILL'
    else begin; fi
  fi
  state=$(cat "$here/state")
  if [ "$state" = active ] && ! kill -0 "$(cat "$here/pid")" 2>/dev/null; then is failed; state=failed; fi
}
property() {
  case $1 in
    Id) echo "$unit.service" ;;
    LoadState) echo "$load" ;;
    ActiveState) echo "$state" ;;
    SubState) case $state in active) echo running ;; failed) echo failed ;; *) echo dead ;; esac ;;
    Result) if [ "$state" = failed ]; then echo signal; else echo success; fi ;;
    MainPID) if [ "$state" = active ]; then cat "$here/pid"; else echo 0; fi ;;
    InvocationID) cat "$here/invocation" 2>/dev/null || echo ;;
    NRestarts) echo 0 ;;
    Type) echo simple ;;
    UnitFileState) if [ -e "$here/enabled" ]; then echo enabled; else echo disabled; fi ;;
    ActiveEnterTimestamp) if [ "$state" = active ]; then cat "$here/since"; else echo; fi ;;
    InactiveEnterTimestamp) if [ "$state" = active ]; then echo; else cat "$here/since" 2>/dev/null || echo; fi ;;
    # In the order in which a stop or a death of its own brings them about; what they mean, runner/human-signs.ts tells.
    InactiveExitTimestampMonotonic) echo 1 ;;
    ActiveExitTimestampMonotonic) if [ "$state" = active ]; then echo 0; elif [ -e "$here/stopped" ]; then echo 2; else echo 4; fi ;;
    ExecMainExitTimestampMonotonic) if [ "$state" = active ]; then echo 0; else echo 3; fi ;;
    *) return 1 ;;
  esac
}
show() {
  for wanted in $(echo "\${properties:-Id LoadState ActiveState SubState MainPID InvocationID}" | tr ',' ' '); do
    got=$(property "$wanted") || continue
    if [ "$value" = 1 ]; then echo "$got"; else echo "$wanted=$got"; fi
  done
}

code=0
for unit in $units; do
  unit=\${unit%.service} load=loaded state=inactive
  here=$root/units/$unit
  if [ ! -d "$here" ]; then
    load=not-found
    case $verb in
      show) show ;;
      is-active) [ "$quiet" = 1 ] || echo inactive; code=4 ;;
      *) echo "Unit $unit.service could not be found." >&2; code=5 ;;
    esac
    continue
  fi
  case $verb in
    start) look; [ "$state" = active ] || begin ;;
    restart | try-restart) begin ;;
    stop) end; is inactive; touch "$here/stopped"; note 'Stopped.' ;;
    reset-failed) look; [ "$state" != failed ] || is inactive ;;
    show) case $properties in *State*) look ;; *) state=$(cat "$here/state") ;; esac; show ;;
    is-active) look; [ "$quiet" = 1 ] || echo "$state"; [ "$state" = active ] || code=3 ;;
    is-failed) look; [ "$quiet" = 1 ] || echo "$state"; [ "$state" = failed ] || code=1 ;;
    is-enabled) property UnitFileState ;;
    status) look; echo "$unit.service: $state"; tail -n 10 "$here/journal" 2>/dev/null; [ "$state" = active ] || code=3 ;;
    *) echo "systemctl of an embedded host does not know '$verb'" >&2; exit 1 ;;
  esac
done
exit "$code"
`;
