/**
 * The sh text that looks for people at work on a target. It only collects: what is missing there is left out, and what a
 * finding means is for runner/human-signs.ts to say. Each program has 5 s, each finding a few lines.
 *
 * Answers, each with its lines below it: `unit <name>` (properties, and from the journal what last became of it),
 * `package <file or ->`, `lock_file <n>`, `shutdown`, `now <seconds>`, `sessions`, `who`, and at last `end`.
 */
import type { HumanProbe } from '../core/guard-port.ts';
import { quoteShell } from '../core/shell-quote.ts';

/** A person's own hold, beside those that are configured. */
export const holdFile = '/run/mendd/hold';

/** systemd/sd-messages.h: SD_MESSAGE_UNIT_STARTING, _STARTED, _STOPPED and _FAILED. */
export const unitMessages = {
  starting: '7d4958e842da4a758f6c1cdc7b36dcc5',
  started: '39f53479d3a045ac8e11786248231fbf',
  stopped: '9d1aaa27d60140bd96365438aad20286',
  failed: 'be02cf6855d2428ba40df7e9d022f03d',
} as const;

const properties = [
  'Id',
  'LoadState',
  'ActiveState',
  'UnitFileState',
  'Result',
  'Job',
  'RemainAfterExit',
  'InactiveExitTimestampMonotonic',
  'ActiveExitTimestampMonotonic',
  'ExecMainExitTimestampMonotonic',
];

/** An old busybox has another `timeout`; there the limit of the whole script must do. */
const tools = `
_quick=; timeout 5 true 2>/dev/null && _quick='timeout 5'
_soon() { $_quick "$@" 2>/dev/null </dev/null; }
_lines() { LC_ALL=C tr -d '\\000' | LC_ALL=C sed 's/^/|/'; }
`;

const unit = `
_unit() {
  _seen=$(_soon systemctl show ${properties.map((name) => `-p ${name}`).join(' ')} -- "$1")
  [ -n "$_seen" ] || return 0
  _say unit "$1"
  printf '%s\\n' "$_seen" | _lines
  case $_seen in *ActiveState=inactive* | *ActiveState=failed*) ;; *) return 0 ;; esac
  _soon journalctl -q --no-pager -b -n 1 -o export _PID=1 "UNIT=$(printf '%s\\n' "$_seen" | sed -n 's/^Id=//p')" \\
    ${Object.values(unitMessages)
      .map((id) => `MESSAGE_ID=${id}`)
      .join(' ')} | LC_ALL=C sed -n '/^MESSAGE_ID=/p;/^JOB_TYPE=/p' | _lines
}
`;

/**
 * Who holds a lock is asked of /proc/locks (proc(5)), since the files are always there. Inodes are not unique over file
 * systems: the holder must have that very file open, or, where we may not look, be called like a package manager. By
 * name alone goes what has no lock there: reading programs such as `dpkg -l` take none. unattended-upgrades keeps a helper
 * that waits for a shutdown all day long.
 */
const packages = `
_is_manager() {
  case $1 in apt | apt-get | aptitude | dpkg | unattended-upgr* | dnf | dnf5 | dnf-automatic | yum | rpm | zypper | apk | pacman | pkg) ;; *) return 1 ;; esac
}
_has_open() {
  [ -r "/proc/$1/fd" ] || { _is_manager "$_name"; return; }
  for _fd in "/proc/$1/fd"/*; do [ ! "$_fd" -ef "$2" ] || return 0; done
  return 1
}
_locked=
for _file in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock \\
  /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock /lib/apk/db/lock; do
  [ -e "$_file" ] && [ -r /proc/locks ] || continue
  case $_file in */dpkg/lock) _locked="$_locked apt apt-get aptitude dpkg unattended-upgr " ;; *.rpm.lock) _locked="$_locked rpm " ;; esac
  set -- $(ls -id "$_file" 2>/dev/null)
  while read -r _number _kind _mode _access _pid _place _rest; do
    [ "$_access" = WRITE ] && [ "\${_place##*:}" = "\${1:-none}" ] || continue
    _name=; { read -r _name <"/proc/$_pid/comm"; } 2>/dev/null
    if _has_open "$_pid" "$_file"; then _say package "$_file"; printf '%s\\n' "$_name" | _lines; fi
  done </proc/locks
done
{ _soon ps -A -o comm= -o args= || _soon ps -o comm,args; } | while read -r _name _words; do
  _name=\${_name##*/}
  _is_manager "$_name" || continue
  case " $_locked " in *" $_name "*) continue ;; esac
  case $_words in *unattended-upgrade-shutdown*) continue ;; esac
  _say package -
  printf '%s\\n' "$_name" | _lines
  break
done
`;

const files = `
_head() { if [ -f "$1" ]; then dd if="$1" bs=1000 count=1 2>/dev/null | sed -n 1,9p | _lines; fi; }
_lock_file() {
  [ -e "$2" ] || [ -L "$2" ] || return 1
  _say lock_file "$1"
  _head "$2"
}
_lock_file 0 ${holdFile} || _lock_file 0 /var${holdFile}
if [ -e /run/systemd/shutdown/scheduled ]; then
  _say shutdown
  _head /run/systemd/shutdown/scheduled
fi
`;

const logins = `
_say now "$(date +%s)"
_ids=$(_soon loginctl list-sessions --no-legend | while read -r _session _rest; do echo "$_session"; done)
if [ -n "$_ids" ]; then
  _say sessions
  _soon loginctl show-session -p Name -p TTY -p RemoteHost -p State -p Class -p TimestampMonotonic -- $_ids | _lines
fi
_say who
_soon env LC_ALL=C TZ=UTC0 who | sed -n 1,100p | _lines
`;

export function peopleScript({ units, lockFiles, loginWithinMs }: HumanProbe): string {
  return [
    tools,
    unit,
    ...[...new Set(units)].map((name) => `_unit ${quoteShell(name)}`),
    packages,
    files,
    ...lockFiles.map((file, index) => `_lock_file ${index + 1} ${quoteShell(file)}`),
    ...(loginWithinMs === undefined ? [] : [logins]),
    '_say end',
  ].join('\n');
}
