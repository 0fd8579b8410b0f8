/**
 * The `systemd_unit` check: what systemd says about one unit. Owns the reading of `systemctl show`; it never
 * starts, stops or asks twice.
 *
 * OK: active, whatever kind of unit it is (a oneshot that stays `active (exited)`, a timer that is waiting), and
 * a oneshot that rests between the runs its timer starts, if its last run succeeded.
 * WARNING: on the way (activating, deactivating, reloading) as long as nothing failed; active, but its unit file
 * is gone or masked, so that it will not start again.
 * CRITICAL: failed, inactive, and on the way after a failure (waiting for an automatic restart, or being killed).
 * UNKNOWN: not found, masked (a person forbade it to run: that is not for a machine to mend), no systemd.
 */
import type { CheckPlan } from '../core/ports.ts';
import { quoteShell } from '../core/shell-quote.ts';
import type { CheckState } from '../core/types.ts';
import { type Exited, lastLine, perf, resultFromRun, type Verdict } from './verdict.ts';

/** Source: systemctl(1) and org.freedesktop.systemd1(5); all of them exist since systemd 219. */
const properties = [
  'LoadState',
  'ActiveState',
  'SubState',
  'Result',
  'UnitFileState',
  'NRestarts',
  'InvocationID',
  'Type',
  'TriggeredBy',
  'ExecMainStatus',
  'ActiveEnterTimestamp',
  'InactiveEnterTimestamp',
];

export function planSystemdUnit(probe: { unit: string }): CheckPlan {
  return {
    kind: 'command',
    script: `systemctl show --property=${properties.join(',')} -- ${quoteShell(probe.unit)}`,
    read: (outcome) => resultFromRun(readUnit(probe.unit, outcome), outcome),
  };
}

function readUnit(unit: string, outcome: Exited): Verdict {
  if (outcome.exitCode === 127) return unknown(`${unit}: systemctl is not on this host`);
  // One block of lines per unit; a pattern can match several.
  const blocks = outcome.stdout.split(/\n\s*\n/).filter((block) => block.includes('ActiveState='));
  if (outcome.exitCode !== 0 || blocks.length === 0) {
    const cause = lastLine(outcome.stderr) || lastLine(outcome.stdout);
    return unknown(`${unit}: systemctl could not tell (exit ${outcome.exitCode})${cause && `: ${cause}`}`);
  }
  if (blocks.length > 1) return unknown(`${unit} matches ${blocks.length} units; a check names one`);
  return judgeUnit(unit, parseProperties(blocks[0] ?? ''));
}

type Properties = Readonly<Record<string, string | undefined>>;

function parseProperties(block: string): Properties {
  const found: Record<string, string> = Object.create(null);
  for (const line of block.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) found[line.slice(0, equals)] = line.slice(equals + 1).trim();
  }
  return found;
}

function judgeUnit(unit: string, seen: Properties): Verdict {
  const { LoadState: load = '', ActiveState: active = '', Result: result = '' } = seen;
  const sub = seen.SubState ?? '';
  const where = sub === '' || sub === active ? active : `${active} (${sub})`;
  const loadTrouble = load !== '' && load !== 'loaded';
  if (active === 'active') {
    if (loadTrouble) return verdict('warning', `${unit} ${where}, but ${loadWords(load)}`, seen);
    return verdict('ok', `${unit} ${where}${since(seen.ActiveEnterTimestamp)}${restarts(seen)}`, seen);
  }
  if (load === 'not-found' || load === 'masked') {
    return verdict('unknown', `${unit} ${where}: ${loadWords(load)}`, seen);
  }
  if (loadTrouble) return verdict('critical', `${unit} ${where}: ${loadWords(load)}`, seen);

  const failed = result !== '' && result !== 'success';
  const cause = failed ? `, ${resultWords(result, seen)}` : '';
  const rests = seen.Type === 'oneshot' && (seen.TriggeredBy ?? '') !== '' && !failed;
  const words = `${unit} ${where}${cause}`;
  switch (active) {
    case 'inactive':
    case 'failed':
      return verdict(
        rests && active === 'inactive' ? 'ok' : 'critical',
        `${words}${since(seen.InactiveEnterTimestamp)}${restarts(seen)}${rests ? `, next by ${seen.TriggeredBy}` : ''}`,
        seen,
      );
    case 'activating':
    case 'deactivating':
    case 'reloading':
    case 'refreshing':
    case 'maintenance':
      if (rests && active === 'activating') return verdict('ok', words, seen);
      return verdict(failed ? 'critical' : 'warning', `${words}${restarts(seen)}`, seen);
    default:
      return unknown(`${unit}: systemd reported a state this version does not know: ${where}`);
  }
}

function verdict(state: CheckState, text: string, seen: Properties): Verdict {
  const restartCount = Number(seen.NRestarts || Number.NaN);
  const facts = [
    seen.UnitFileState && `unit file: ${seen.UnitFileState}`,
    seen.InvocationID && `invocation: ${seen.InvocationID}`,
  ].filter(Boolean);
  return {
    state,
    text,
    longText: facts.join('\n'),
    perfdata: Number.isFinite(restartCount) ? [perf('restarts', restartCount, 'c', { min: 0 })] : [],
  };
}

function unknown(text: string): Verdict {
  return { state: 'unknown', text };
}

function loadWords(load: string): string {
  if (load === 'not-found') return 'its unit file was not found';
  if (load === 'masked') return 'it is masked';
  return `its unit file could not be loaded (${load})`;
}

function resultWords(result: string, seen: Properties): string {
  const status = seen.ExecMainStatus;
  return result === 'exit-code' && status ? `${result} ${status}` : result;
}

function since(timestamp: string | undefined): string {
  return timestamp && timestamp !== 'n/a' ? ` since ${timestamp}` : '';
}

function restarts(seen: Properties): string {
  const count = Number(seen.NRestarts ?? 0);
  return count > 0 ? `, restarted ${count} times by systemd` : '';
}
