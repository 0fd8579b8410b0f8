/**
 * Owns the demo's world: three SSH hosts inside this process, a pager that prints, and the files a user would write. Everything
 * lies in one temporary directory and goes with it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedHost, generateKeyPair, startEmbeddedHost } from '../runner/embedded-host.ts';

export interface DemoFleet {
  directory: string;
  configFile: string;
  hosts: Record<DemoHostName, EmbeddedHost>;
  /** What reached the pager, newest last. */
  pages: string[];
  removeFiles(): void;
  close(): Promise<void>;
}

export const demoHostNames = ['web-1', 'web-2', 'web-3'] as const;
export type DemoHostName = (typeof demoHostNames)[number];

export async function startDemoFleet(onPage: (subject: string) => void): Promise<DemoFleet> {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-demo-'));
  const key = generateKeyPair();
  const started: EmbeddedHost[] = [];
  for (const name of demoHostNames) {
    const home = join(directory, name);
    mkdirSync(home);
    started.push(await startEmbeddedHost({ name, authorizedKey: key.publicKey, directory: home }));
  }
  const pages: string[] = [];
  const pager = await startPager((subject) => {
    pages.push(subject);
    onPage(subject);
  });
  const pagerPort = (pager.address() as AddressInfo).port;
  const configFile = writeDefinitions(directory, started, key.privateKey, pagerPort);
  const [web1, web2, web3] = started;
  if (web1 === undefined || web2 === undefined || web3 === undefined)
    throw new Error('three hosts were started');
  const removeFiles = (): void => rmSync(directory, { recursive: true, force: true });
  return {
    directory,
    configFile,
    hosts: { 'web-1': web1, 'web-2': web2, 'web-3': web3 },
    pages,
    removeFiles,
    async close() {
      await Promise.all(started.map((host) => host.close()));
      pager.close();
      removeFiles();
    },
  };
}

/** A pager: takes mendd's webhook and hands on the subject. */
async function startPager(onPage: (subject: string) => void): Promise<Server> {
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(0, 100_000);
    });
    request.on('end', () => {
      const body = JSON.parse(text) as { subject?: unknown };
      onPage(String(body.subject));
      response.end();
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return server;
}

function writeDefinitions(
  directory: string,
  hosts: readonly EmbeddedHost[],
  privateKey: string,
  pagerPort: number,
): string {
  const write = (name: string, text: string): void =>
    writeFileSync(join(directory, name), text, { mode: 0o600 });
  for (const name of ['definitions', 'definitions/hosts', 'definitions/runbooks'])
    mkdirSync(join(directory, name));
  write('id', privateKey);
  write('known_hosts', hosts.map((host) => `${host.hostKeyLine}\n`).join(''));
  write('mendd.yaml', daemonFile(pagerPort));
  const lines = hosts.map(
    (host) => `  ${host.name}: { address: ${host.address}, port: ${host.port}, labels: { role: worker } }`,
  );
  write('definitions/hosts/demo.yaml', `hosts:\n${lines.join('\n')}\n`);
  write('definitions/runbooks/worker.yaml', runbook);
  return join(directory, 'mendd.yaml');
}

function daemonFile(pagerPort: number): string {
  return `definitions: { path: ./definitions }
store: { path: ./mendd.db }
ssh:
  user: mendd
  identity: \${file:./id}
  known_hosts: ./known_hosts
  host_keys: strict
  connect_timeout: 2s
api: { listen: "127.0.0.1:0" }
remediation: { mode: auto }
notify: { pager: { webhook: "http://127.0.0.1:${pagerPort}/" } }
log: { level: error }
`;
}

/** The demo is a normal installation in a hurry. */
const runbook = `runbook: queue
hosts: { role: worker }
every: 1s
checks:
  worker:
    systemd_unit: queue-worker
    timeout: 5s
    max_attempts: 1
actions:
  restart:
    when: { check: worker, state: [critical], attempts: 3 }
    systemd_restart: queue-worker
    timeout: 10s
    verify: { within: 3s, stays_ok: 2s }
    cooldown: 5s
    max_runs: 3 per 10m
  reboot:
    after: restart
    reboot: { back_within: 1m }
    min_uptime: 0s
    verify: { within: 10s, stays_ok: 2s }
    cooldown: 1m
    max_runs: 1 per 1h
  page:
    after: reboot
    notify: pager
`;
