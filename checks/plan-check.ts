/**
 * Owns the one switch over check kinds: from a definition to the command or probe that asks it. It runs nothing.
 */
import type { CheckDefinition, HostDefinition } from '../core/definitions.ts';
import type { CheckPlan, PlanCheck } from '../core/ports.ts';
import type { ToldBook } from '../core/told-port.ts';
import type { CheckResult } from '../core/types.ts';
import { planCommand } from './command.ts';
import { planDisk } from './disk.ts';
import { planHttpProbe } from './http.ts';
import { planHttpCommand } from './http-command.ts';
import { planPing } from './ping.ts';
import { planPlugin } from './plugin.ts';
import type { ProbeClock } from './probe.ts';
import { planProcess } from './process.ts';
import { planSystemdUnit } from './systemd-unit.ts';
import { planTcpCommand, planTcpProbe } from './tcp.ts';
import { planTold } from './told.ts';

export function createPlanCheck(options: {
  /** Replaces the usual directories on hosts; empty keeps them. */
  pluginDirs: readonly string[];
  clock: ProbeClock;
  /** What others told; a daemon alone knows it. */
  told?: ToldBook;
}): PlanCheck {
  const { pluginDirs, clock, told } = options;
  return (check, host) => {
    const { probe, timeoutMs, blocked } = check;
    if (blocked !== undefined) return blockedPlan(blocked, clock);
    switch (probe.kind) {
      case 'command':
        return planCommand(probe);
      case 'plugin':
        return planPlugin(probe, pluginDirs);
      case 'systemd_unit':
        return planSystemdUnit(probe);
      case 'tcp': {
        const address = probe.address ?? host.address;
        if (asksFromOpsBox(check, host)) return planTcpProbe(probe, address, clock);
        return planTcpCommand(probe, address, timeoutMs);
      }
      case 'http':
        return asksFromOpsBox(check, host) ? planHttpProbe(probe, clock) : planHttpCommand(probe, timeoutMs);
      case 'disk':
        return planDisk(probe);
      case 'process':
        return planProcess(probe);
      case 'passive':
      case 'alert':
        return planTold(check, host, told);
      case 'ping':
      default:
        return planPing(probe, probe.address ?? host.address, timeoutMs);
    }
  };
}

/** Nothing is asked, and nothing is known. */
function blockedPlan(problem: string, clock: ProbeClock): CheckPlan {
  const probe = async (): Promise<CheckResult> => ({
    state: 'unknown',
    text: problem,
    longText: '',
    perfdata: [],
    startedAtMs: clock.nowMs(),
    durationMs: 0,
  });
  return { kind: 'probe', probe };
}

function asksFromOpsBox(check: CheckDefinition, host: HostDefinition): boolean {
  return check.runOn.kind === 'local' || (check.runOn.kind === 'target' && host.transport === 'local');
}
