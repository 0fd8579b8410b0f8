/** A real Prometheus that takes mendd for its Alertmanager: its alert makes a check critical, and OK again when it ends. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { openLedgerBeside } from '../../store/open.ts';
import { RealDaemon } from '../support/real-daemon.ts';
import { freePort } from '../support/sshd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const prometheus = '/usr/bin/prometheus';

let daemon: RealDaemon;
let child: ChildProcess | undefined;

afterEach(async () => {
  child?.kill('SIGKILL');
  await daemon.remove();
});

function rules(level: number): string {
  return `groups:
  - name: g
    interval: 1s
    rules:
      - alert: HighLatency
        expr: vector(${level}) > 0
        labels: { instance: "web-1:9100", severity: warning }
        annotations: { summary: "p99 above 2 s" }
`;
}

async function start(): Promise<{ reload: (level: number) => void; said: () => string }> {
  const ledger = openLedgerBeside(daemon.path('state/mendd.db'), Date.now());
  const { secret } = ledger.createToken({ name: 'prometheus', scopes: ['submit'], nowMs: Date.now() });
  ledger.close();
  const { port } = daemon.app.address;
  const tree = temporaryTree({
    'rules.yml': rules(1),
    token: secret,
    'prometheus.yml': `global: { evaluation_interval: 1s }
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{ targets: ["127.0.0.1:${port}"] }]
      authorization: { credentials_file: token }
`,
  });
  const args = ['--config.file', join(tree, 'prometheus.yml'), '--storage.tsdb.path', join(tree, 'data')];
  const listen = `--web.listen-address=127.0.0.1:${await freePort()}`;
  child = spawn(prometheus, [...args, listen, '--rules.alert.resend-delay=1s'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text));
  return {
    said: () => said,
    reload(level) {
      writeFileSync(join(tree, 'new.yml'), rules(level));
      renameSync(join(tree, 'new.yml'), join(tree, 'rules.yml'));
      child?.kill('SIGHUP');
    },
  };
}

test('an alert of Prometheus makes a check a problem until it is resolved', async () => {
  expect(existsSync(prometheus), 'the Debian package prometheus; scripts/unit-ready.mjs installs it').toBe(
    true,
  );
  expect(execFileSync(prometheus, ['--version']).toString()).toContain('prometheus, version');
  daemon = await RealDaemon.prepare(`runbook: web
hosts: [web-1]
checks:
  latency: { alert: { match: { alertname: HighLatency } } }
`);
  await daemon.start();
  const { reload, said } = await start();
  const state = async (wanted: string): Promise<void> => {
    const path = '/api/v1/checks/web-1/web.latency';
    await vi.waitFor(
      async () => {
        const { status } = await daemon.get<{ status: { state: string; lastResult?: { text: string } } }>(
          path,
        );
        expect([status.state, status.lastResult?.text], said()).toEqual([wanted, expect.any(String)]);
      },
      { interval: 100 },
    );
  };
  await state('warning');
  expect(
    (await daemon.get<{ status: { lastResult: { text: string } } }>('/api/v1/checks/web-1/web.latency'))
      .status.lastResult.text,
  ).toBe('HighLatency: p99 above 2 s (for 0s)');
  reload(0);
  await state('ok');
  expect(said()).not.toContain('Error sending alert');
});
