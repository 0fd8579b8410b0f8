/** Definitions of a whole fleet for tests that need no daemon. */
import type { Definitions, HostPlan } from '../../core/definitions.ts';
import type { RemediationConfig } from '../../core/remediation-config.ts';

const ssh: Definitions['daemon']['ssh'] = {
  transport: 'ssh',
  user: 'mendd',
  agent: false,
  knownHosts: '/dev/null',
  hostKeys: 'strict',
  connectTimeoutMs: 1_000,
  maxConnections: 1,
  connectRatePerSec: 1,
  maxSessionsPerHost: 1,
  pluginDirs: [],
};

export function wholeDefinitions(plans: Iterable<HostPlan>, remediation: RemediationConfig): Definitions {
  const all = [...plans];
  return {
    revision: 'r1',
    inventories: [],
    facts: [],
    daemon: {
      definitionsPath: '/nowhere',
      facts: { enabled: true, everyMs: 3_600_000, timeoutMs: 30_000 },
      hold: { hostsPercent: 100, checksPercent: 100, rewritten: true },
      store: {
        path: '',
        keepResultsMs: 86_400_000,
        keepHistoryMs: 8_640_000_000,
        keepRollupsMs: 8_640_000_000,
      },
      ssh,
      api: { listen: { host: '127.0.0.1', port: 0 } },
      scheduler: { maxConcurrent: 1, maxPerHost: 1, queueLimit: 1 },
      remediation,
      notify: new Map(),
      log: { level: 'error' },
    },
    hosts: new Map(all.map((plan) => [plan.host.name, plan.host])),
    runbooks: all.map(({ host, checks, ladders }) => ({
      id: host.name,
      title: host.name,
      enabled: true,
      hosts: [host.name],
      checks,
      ladders,
      source: { file: 'test.yaml', line: 1, column: 1 },
    })),
    suppressions: [],
    byHost: new Map(all.map((plan) => [plan.host.name, plan])),
  };
}
