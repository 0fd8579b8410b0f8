/**
 * Owns the sh text that gathers evidence just before an action, on any POSIX shell, busybox included. It changes
 * nothing on the target, and its end means nothing.
 */
import type { ActionDefinition } from '../core/definitions.ts';
import { quoteShell } from '../core/shell-quote.ts';

/** All limits below together stay under it. */
export const evidenceBytes = 32_768;
const journalLines = 100;
const journalBytes = 12_000;

/**
 * Undefined when the action wants none. `unit`: whose journal is wanted, by default the unit that the action restarts;
 * the whole system's when neither is known.
 */
export function evidenceScript(
  action: Pick<ActionDefinition, 'evidence' | 'effect'>,
  unit?: string,
): string | undefined {
  const { evidence, effect } = action;
  switch (evidence.kind) {
    case 'none':
      return undefined;
    case 'standard':
      return standardScript(unit ?? (effect.kind === 'systemd_restart' ? effect.unit : undefined));
    case 'command':
      // Errors are evidence too, so both streams are kept in their order; of long output the end, where logs have what happened last.
      return `(\n${evidence.run}\n) 2>&1 | tail -c ${evidenceBytes}\nexit 0`;
  }
}

/**
 * Each section ends by itself, so that what comes late or too long does not cost the others; `df` is last, since a dead
 * network mount can hold it for ever. Processes go by their names: command lines carry passwords.
 */
function standardScript(unit: string | undefined): string {
  const journal = unit === undefined ? 'system' : unit;
  const ofUnit = unit === undefined ? '' : `-u ${quoteShell(unit)} `;
  return `
_quick=; timeout 4 true 2>/dev/null && _quick='timeout 4'
_soon() { $_quick "$@" 2>/dev/null </dev/null; }
_top() { LC_ALL=C head -n "$1" | LC_ALL=C cut -c 1-150; }
_show() { _text=$(cat); [ -z "$_text" ] || printf '== %s\\n%s\\n\\n' "$1" "$_text"; }

{ _soon uptime; _soon free -m || sed -n 1,6p /proc/meminfo; } 2>/dev/null | _top 10 | _show 'load and memory'
_soon systemctl list-units --failed --plain --no-legend --no-pager | _top 20 | _show 'failed units'
{ _soon journalctl -q --no-pager ${ofUnit}-n ${journalLines} || _soon tail -n ${journalLines} /var/log/messages || _soon tail -n ${journalLines} /var/log/syslog; } |
  LC_ALL=C cut -c 1-400 | tail -c ${journalBytes} | _show ${quoteShell(`journal of ${journal}`)}
if _text=$(_soon ps -A -o pcpu= -o rss= -o etime= -o user= -o pid= -o comm=); then
  printf '%s\\n' "$_text" | sort -rn | _top 15 | _show 'processes by CPU (%, resident kB, elapsed, user, pid, name)'
else
  _soon top -b -n 1 | sed -n '1,4d;s/^\\([^%]*%[^%]*%\\) *\\([^ ]*\\).*/\\1 \\2/p' | _top 15 | _show 'processes by CPU (as top)'
fi
{ _soon ps -A -o rss= -o etime= -o user= -o pid= -o comm= || _soon ps -o rss,user,pid,comm; } |
  sed 's/^ *\\([0-9]*\\)m /\\1000 /' | sort -rn | _top 15 | _show 'processes by memory (resident kB, [elapsed,] user, pid, name)'
_local=; _soon df -l / >/dev/null && _local=-l
_soon df -h $_local | _top 25 | _show 'disk space'
_soon df -i $_local | _top 25 | _show 'inodes'
exit 0
`;
}
