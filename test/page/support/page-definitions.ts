/** The files of the page's world: hosts, runbooks and the daemon's own; text only, for one world after the other. */
import type { EmbeddedHost } from '../../../runner/embedded-host.ts';

export const hostNames = ['web-1', 'web-2', 'db-1', 'db-2'] as const;
export type HostName = (typeof hostNames)[number];

/** What a check that reads its verdict from a file may be told to say. */
export type Verdict = 'ok' | 'warning' | 'critical' | 'unknown';

export function daemonFile(repositoryUrl: string, pagerUrl: string, brake: string): string {
  return `definitions:
  git: { url: ${repositoryUrl}, every: 1h }
store: { path: ./state/mendd.db }
ssh:
  user: mendd
  identity: \${file:./id}
  known_hosts: ./known_hosts
  host_keys: strict
  connect_timeout: 10s
api: { listen: "127.0.0.1:0", status_page: { title: Example services, group_by: role } }
remediation:
  mode: auto
  max_runs: 1000 per 1h
  max_runs_per_host: 1000 per 1h
  brake: ${brake}
  self_doubt: { gateway: false, stall: 1h }
notify: { pager: { webhook: "${pagerUrl}/" } }
messages: { routes: [{ name: disks, match: { runbooks: [disk] }, to: [pager], group: { by: [], wait: 1h } }] }
log: { level: info }
`;
}

export function definitionFiles(hosts: readonly EmbeddedHost[]): Record<string, string> {
  const lines = hosts.map(({ name, address, port }) => {
    const role = name.startsWith('web') ? 'worker' : 'database';
    const parents = name === 'web-2' ? ', parents: [web-1]' : '';
    return `  ${name}: { address: ${address}, port: ${port}, labels: { role: ${role} }${parents} }`;
  });
  return {
    // An embedded host takes what it is sent as a whole, and batches are sent piece by piece.
    'hosts/all.yaml': `defaults: { batch: false }\nhosts:\n${lines.join('\n')}\n`,
    'runbooks/queue.yaml': queue,
    'runbooks/disk.yaml': disk,
  };
}

/** Nothing but what a test is about holds an action. */
const freely = `
    cooldown: 0s
    max_runs: 1000 per 1h
    chronic: false
    demote: false
    before: false`;

const queue = `runbook: queue
hosts: { role: worker }
every: 1s
checks:
  worker: { systemd_unit: queue-worker, timeout: 5s, max_attempts: 1, flapping: false }
actions:
  restart:
    when: { check: worker, state: [critical], attempts: 2 }
    systemd_restart: queue-worker
    timeout: 10s
    verify: { within: 1m, stays_ok: 1s }${freely}
`;

/** Says the verdict that its file holds, with the output that a test gave it or its own. */
const says = (name: string, output: string): string => `
      run: |-
        read verdict <${name}
        if [ -f ${name}.output ]; then cat ${name}.output; else echo "${output}"; fi
        case $verdict in ok) exit 0;; warning) exit 1;; critical) exit 2;; *) exit 3;; esac
      timeout: 5s
      max_attempts: 1
      flapping: false`;

const disk = `runbook: disk
hosts: [db-1]
every: 1s
checks:
  space:${says('space', "DISK $verdict - / is 88% used | '/'=88%;80;95;0;100 inodes=12%;;;0;100")}
  hostile:${says('hostile', 'HOSTILE $verdict - as told')}
actions:
  clean:
    when: { check: space, state: [warning, critical], attempts: 1 }
    run: rm -f space.output && echo ok >space && echo "freed 12 GB"
    mode: approve
    timeout: 10s
    verify: { within: 1m, stays_ok: 1s }${freely}
  page:
    after: clean
    notify: pager
`;
