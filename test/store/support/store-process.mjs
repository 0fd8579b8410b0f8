// Another process at a store: `store-process.mjs <built store> <what> <path> ...`. Prints a line for each thing acknowledged.
import { existsSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const [, , built, what, path, ...rest] = process.argv;
const load = (name) => import(pathToFileURL(`${built}/${name}.js`).href);
const say = (line) => writeSync(1, `${line}\n`);

const intent = (id, host, fence) => ({
  id,
  host,
  ladder: 'queue.restart',
  action: 'queue.restart',
  kind: 'systemd_restart',
  episode: 'k0',
  attempt: 1,
  decidedAtMs: 1,
  notAfterMs: 2,
  fence,
  decidedBy: 'rule',
  reason: 'test',
  command: 'true',
  revision: 'r1',
  gates: [],
  preconditions: {},
  shard: 0,
});
const far = { runs: 1e9, sinceMs: 0 };
const slots = {
  fleetConcurrent: 1e9,
  action: far,
  host: far,
  fleet: far,
  groups: [],
  brakes: [],
  repairs: true,
};

/** A daemon that claims, sends and records as fast as it can, until it is killed. */
async function work() {
  const { openStores } = await load('open');
  const { store, coordinator } = openStores({ path, member: 'child', nowMs: 1 });
  say(`opened ${coordinator.fence}`);
  for (let index = 0; ; index += 1) {
    const id = `${coordinator.fence}-${index}`;
    coordinator.claim(intent(id, `host-${id}`, coordinator.fence), slots);
    say(`intended ${id}`);
    const text = `text of ${id}`;
    const transition = { atMs: 1, host: id, from: 'ok', to: 'critical', type: 'hard', attempt: 1, text };
    const flap = { flapping: false, percent: 0, percentWithoutActions: 0, afterAction: false };
    store.save({ host: id, transitions: [{ ...transition, ...flap }], events: [] });
    say(`saved ${id}`);
    coordinator.dispatched(id, 2);
    say(`dispatched ${id}`);
    coordinator.advance(id, { atMs: 3, status: 'done', exitCode: 0 });
    say(`done ${id}`);
  }
}

/** A daemon that starts and waits; says why when it may not. */
async function hold() {
  const { openStores } = await load('open');
  try {
    openStores({ path, member: 'child', nowMs: 1 });
    say('opened');
    setInterval(() => {}, 1000);
  } catch (error) {
    say(`refused ${error.code}`);
  }
}

/** One of several members at one ledger: claims each host, sends, ends it; says when it holds one and when it let go. */
async function race() {
  const [member, fence, hosts, rounds] = [rest[0], ...rest.slice(1).map(Number)];
  const { connect, ledgerKind, makeDurable } = await load('connection');
  const { ledgerTables } = await load('ledger');
  const db = connect(path, { create: false, timeoutMs: 20_000 });
  makeDurable(db, path, ledgerKind);
  const { runs } = ledgerTables(db, path);
  say('ready');
  while (!existsSync(`${path}.go`)) await new Promise((resolve) => setImmediate(resolve));
  for (let round = 0; round < rounds; round += 1) {
    for (let host = 0; host < hosts; host += 1) {
      const id = `${member}-${round}-${host}`;
      const verdict = runs.claim(intent(id, `host-${host}`, fence), slots);
      say(`${id} ${verdict.kind === 'claimed' ? 'claimed' : verdict.reason}`);
      if (verdict.kind === 'claimed') {
        const open = runs.open().filter((run) => run.host === `host-${host}`);
        if (open.length !== 1 || open[0].id !== id) say(`overlap ${open.map((run) => run.id)}`);
        runs.dispatched(id, 2);
        runs.advance(id, { atMs: 3, status: 'failed' });
      }
    }
  }
  db.close();
}

await { work, hold, race }[what]();
