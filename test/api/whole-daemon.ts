/** A whole daemon on a real store with two hosts that cannot be reached, a status page, its API, and its ledger beside it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadDefinitions } from '../../config/load.ts';
import { type App, startApp } from '../../daemon/app.ts';
import { systemClock } from '../../daemon/clock.ts';
import { createLog } from '../../daemon/log.ts';
import { type LedgerBeside, openLedgerBeside } from '../../store/open.ts';

export interface WholeDaemon {
  directory: string;
  app: App;
  ledger: LedgerBeside;
  stop: () => Promise<void>;
}

/** `more`: lines of the daemon file; `hosts`: a file of further hosts. */
export async function startWhole(runbook: string, more = '', hosts = ''): Promise<WholeDaemon> {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-whole-'));
  const file = join(directory, 'mendd.yaml');
  for (const name of ['hosts', 'runbooks']) mkdirSync(join(directory, name));
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(directory, 'id')]);
  writeFileSync(
    file,
    `definitions: { path: . }
store: { path: ./mendd.db }
ssh: { user: nobody, identity: "\${file:./id}", known_hosts: ./known, connect_timeout: 1s }
api: { listen: "127.0.0.1:0", status_page: { names: true } }
registration: { expire: 1h }
remediation: { mode: auto }
facts: { enabled: false }
${more}`,
  );
  // Nothing listens on port 1: what is asked of the hosts fails at once.
  writeFileSync(
    join(directory, 'hosts/all.yaml'),
    'hosts: { web-1: { address: 127.0.0.1, port: 1, labels: { role: web } }, web-2: { address: 127.0.0.1, port: 1 } }\n',
  );
  if (hosts !== '') writeFileSync(join(directory, 'hosts/more.yaml'), hosts);
  writeFileSync(join(directory, 'runbooks/app.yaml'), runbook);
  const loaded = loadDefinitions({ configFile: file });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const app = await startApp({
    configFile: file,
    observe: false,
    ...loaded,
    clock: systemClock,
    log: createLog('silent'),
    random: Math.random,
  });
  const ledger = openLedgerBeside(join(directory, 'mendd.db'), Date.now());
  const stop = async (): Promise<void> => {
    ledger.close();
    await app.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  return { directory, app, ledger, stop };
}
