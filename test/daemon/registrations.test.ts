import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, onTestFinished, test, vi } from 'vitest';
import type {
  Registering,
  Registration,
  RegistrationConfig,
  RegistrationView,
} from '../../core/outside-port.ts';
import type { Rejected } from '../../core/views.ts';
import type { Log } from '../../daemon/log.ts';
import { Registrations } from '../../daemon/registrations.ts';
import { HostKeys } from '../../runner/host-keys.ts';
import { openStores } from '../../store/open.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

const minute = 60_000;
const day = 1_440 * minute;
const silent = () => undefined;
const ann = { by: 'ann', reason: 'racked today' };
const from = { address: '10.0.0.7', by: 'fleet token' };

function publicKey(): string {
  const { publicKey: key } = generateKeyPairSync('ed25519');
  const raw = key.export({ format: 'der', type: 'spki' }).subarray(-32);
  const parts = [Buffer.from('ssh-ed25519'), raw].flatMap((part) => [Buffer.of(0, 0, 0, part.length), part]);
  return `ssh-ed25519 ${Buffer.concat(parts).toString('base64')}`;
}

function begin(
  config: RegistrationConfig | 'off' = { rules: [], expireMs: 7 * day },
  {
    root = temporaryTree({}),
    wallMs = 1_700_000_000_000,
    known,
  }: { root?: string; wallMs?: number; known?: Registration[] } = {},
) {
  const clock = new FakeClock(wallMs);
  const { store, coordinator } = openStores({ path: `${root}/mendd.db`, nowMs: clock.nowMs(), warn: silent });
  const onChange = vi.fn<() => void>();
  const events: string[] = [];
  const knownHosts = `${root}/known_hosts`;
  const registrations = new Registrations({
    clock,
    log: { debug: silent, info: silent, warn: silent, error: silent } as unknown as Log,
    coordinator: known === undefined ? coordinator : { ...coordinator, registrations: () => known },
    history: { add: (type) => void events.push(type), failed: silent },
    config: () => (config === 'off' ? undefined : config),
    hasHost: (name) => name === 'written',
    learnKey: (address, port, key) => {
      const verdict = new HostKeys(knownHosts, 'accept_new').verify(address, port, key);
      return verdict.kind === 'ok' ? undefined : verdict.failure.message;
    },
    onChange,
  });
  registrations.start();
  let isOpen = true;
  const end = () => {
    if (!isOpen) return;
    isOpen = false;
    registrations.stop();
    store.close();
    coordinator.close();
  };
  onTestFinished(end);
  const register = (over: Partial<Registering> = {}, where = from) =>
    registrations.register({ name: 'web-7', labels: {}, ...over }, where);
  /** As somebody who has just read it. */
  const admit = (name: string) => {
    const tag = registrations.list().find((each) => each.name === name)?.tag ?? '';
    return registrations.admit(name, { ...ann, tag });
  };
  return {
    clock,
    registrations,
    register,
    admit,
    events,
    onChange,
    coordinator,
    end,
    root,
    keys: () => readFileSync(knownHosts, 'utf8'),
    knownHosts,
  };
}

function pendingOf(name: string): Registration {
  const told = { name, labels: {} };
  return { name, told, from: '10.0.0.7', firstAtMs: 1, lastAtMs: 1 };
}

function statusOf(answer: RegistrationView | Rejected): string {
  return 'status' in answer && typeof answer.status === 'string' ? answer.status : `rejected: ${answer.code}`;
}

function actions({ coordinator }: ReturnType<typeof begin>): string[] {
  return coordinator.auditEntries({ limit: 100 }).items.map(({ actor, event }) => `${actor} ${event}`);
}

test('a host waits until a person lets it in, and its key is recorded only then', () => {
  const all = begin();
  const hostKey = publicKey();
  expect(statusOf(all.register({ hostKey }))).toBe('pending');
  expect(all.registrations.hosts()).toEqual([]);
  expect(all.keys).toThrow('ENOENT');
  expect(statusOf(all.admit('web-7'))).toBe('admitted');
  expect(all.registrations.hosts()).toEqual([{ name: 'web-7', address: '10.0.0.7', labels: {}, vars: {} }]);
  expect(all.keys()).toBe(`10.0.0.7 ${hostKey}\n`);
  expect(all.onChange.mock.calls.length).toBe(1);
  expect(actions(all)).toEqual(['person:ann registration.admitted', 'daemon registration.asked']);
});

test('a rule lets in whom it fits alone, with its labels', () => {
  const rules = [
    { network: { address: '10.0.0.0', prefix: 8 }, name: 'web-*', labels: { role: 'web', env: 'prod' } },
  ];
  const { register, registrations } = begin({ rules, expireMs: day });
  expect(statusOf(register({ labels: { role: 'db', rack: '7' } }))).toBe('admitted');
  expect(registrations.hosts()[0]?.labels).toEqual({ role: 'web', env: 'prod', rack: '7' });
  expect(statusOf(register({ name: 'db-1' }))).toBe('pending');
  expect(statusOf(register({ name: 'web-8' }, { ...from, address: '192.0.2.1' }))).toBe('pending');
  // What it says of itself must fit too, or it could name any machine.
  expect(statusOf(register({ name: 'web-9', address: '192.0.2.1' }))).toBe('pending');
  expect(statusOf(register({ name: 'web-10', address: 'other.example.com' }))).toBe('pending');
  expect(statusOf(register({ name: 'web-11', address: '10.0.0.9' }, { ...from, address: '192.0.2.1' }))).toBe(
    'pending',
  );
  expect(statusOf(register({ name: 'web-12' }, { ...from, address: '2001:db8::1' }))).toBe('pending');
});

test('what was let in changes by a person alone, whatever rules say', () => {
  const rules = [{ name: 'web-*', labels: {} }];
  const { register, registrations, admit } = begin({ rules, expireMs: day });
  expect(statusOf(register())).toBe('admitted');
  expect(statusOf(register({ address: '10.6.6.6' }))).toBe('changed');
  expect(registrations.hosts()[0]?.address).toBe('10.0.0.7');
  expect(statusOf(admit('web-7'))).toBe('admitted');
  expect(registrations.hosts()[0]?.address).toBe('10.6.6.6');
  expect(statusOf(register())).toBe('changed');
});

test('what a person lets in is what they read: another key, address, label or origin told since then is not', () => {
  const all = begin();
  const hostKey = publicKey();
  const read = all.register({ hostKey, labels: { a: '1', b: '2' } });
  const tag = 'tag' in read ? read.tag : '';
  const admit = () => all.registrations.admit('web-7', { ...ann, tag });
  const other: [Partial<Registering>, typeof from?][] = [
    [{ hostKey: publicKey() }],
    [{}],
    [{ hostKey, address: '10.6.6.6' }],
    [{ hostKey, labels: { role: 'db' } }],
    [{ hostKey, user: 'root' }],
    [{ hostKey }, { ...from, address: '10.6.6.6' }],
  ];
  for (const [told, where] of other) {
    all.register({ labels: { a: '1', b: '2' }, ...told }, where);
    expect(admit()).toMatchObject({ kind: 'rejected', status: 412, code: 'changed' });
  }
  expect(all.registrations.hosts()).toEqual([]);
  expect(all.keys).toThrow('ENOENT');
  // As it was read again, whatever order it writes its labels in; said again it is nothing new.
  all.register({ hostKey, labels: { b: '2', a: '1' } });
  all.registrations.reject('web-7', ann);
  expect(statusOf(admit())).toBe('rejected: changed');
  expect(statusOf(all.admit('web-7'))).toBe('admitted');
  expect(all.keys()).toBe(`10.0.0.7 ${hostKey}\n`);
});

test('a known host key is never replaced: neither by a rule nor by a person', () => {
  const { register, admit, root, keys, knownHosts } = begin({
    rules: [{ name: 'web-*', labels: {} }],
    expireMs: day,
  });
  const line = `10.0.0.7 ${publicKey()}\n`;
  writeInto(root, 'known_hosts', line);
  expect(statusOf(register({ hostKey: publicKey() }))).toBe('pending');
  const refused = admit('web-7');
  expect(refused).toMatchObject({
    status: 409,
    code: 'host_key',
    message: expect.stringContaining(knownHosts),
  });
  expect(keys()).toBe(line);
});

test('the name of a host that did not register itself is taken', () => {
  const { register } = begin();
  expect(statusOf(register({ name: 'written' }))).toBe('rejected: name_taken');
});

test('off without its section; what is no host is refused', () => {
  expect(statusOf(begin('off').register())).toBe('rejected: registration_off');
  const { register } = begin();
  expect(statusOf(register({ name: 'target' }))).toBe('rejected: not_a_host');
  expect(statusOf(register({ address: '-oProxyCommand=x' }))).toBe('rejected: not_a_host');
  expect(statusOf(register({ user: 'a b' }))).toBe('rejected: not_a_host');
});

test('a rejected one stays so, whatever it says, until a person lets it in', () => {
  const { register, registrations, admit, onChange } = begin({
    rules: [{ name: 'web-*', labels: {} }],
    expireMs: day,
  });
  register();
  registrations.reject('web-7', { by: 'ann', reason: 'not ours' });
  expect(registrations.hosts()).toEqual([]);
  expect(onChange.mock.calls.length).toBe(2);
  expect(statusOf(register({ address: '10.0.0.8' }))).toBe('rejected');
  expect(statusOf(registrations.reject('web-7', ann))).toBe('rejected: rejected');
  expect(statusOf(admit('web-7'))).toBe('admitted');
  expect(statusOf(admit('web-7'))).toBe('rejected: admitted');
  expect(statusOf(admit('nobody'))).toBe('rejected: not_found');
});

test('a host that stops registering expires; one that goes on does not', async () => {
  const { register, registrations, clock, onChange, events } = begin({
    rules: [{ name: 'web-*', labels: {} }],
    expireMs: day,
  });
  register();
  register({ name: 'web-8' });
  for (let hours = 0; hours < 30; hours += 1) {
    await clock.pass(60 * minute);
    register({ name: 'web-8' });
  }
  expect(registrations.hosts().map(({ name }) => name)).toEqual(['web-8']);
  expect(onChange.mock.calls.length).toBe(3);
  expect(events.filter((type) => type === 'registration.expired')).toHaveLength(1);
});

test('a restart keeps who was let in, and gives all of them the whole time again', async () => {
  const rules = [{ name: 'web-*', labels: {} }];
  const first = begin({ rules, expireMs: day });
  first.register();
  first.end();
  const second = begin(
    { rules, expireMs: day },
    { root: first.root, wallMs: first.clock.nowMs() + 10 * day },
  );
  await second.clock.pass(0.9 * day);
  expect(second.registrations.hosts()).toHaveLength(1);
  await second.clock.pass(0.2 * day);
  expect(second.registrations.hosts()).toEqual([]);
});

test('so many wait and no more; those that are known are heard all the same', () => {
  const { registrations } = begin(
    { rules: [], expireMs: day },
    {
      known: Array.from({ length: 1_000 }, (_, index) => pendingOf(`web-${index}`)),
    },
  );
  const register = (name: string) => registrations.register({ name, labels: {} }, from);
  expect(statusOf(register('one-more'))).toBe('rejected: too_many_wait');
  expect(statusOf(register('web-3'))).toBe('pending');
});

test('those that wait for a person are known whatever became of them, and none while registration is off', () => {
  const all = begin();
  const waiting = (): readonly string[] => all.registrations.waiting().names;
  all.register();
  all.register({ name: 'web-8' });
  all.register({ name: 'web-9' });
  expect(all.registrations.waiting()).toEqual({ waiting: 3, names: ['web-7', 'web-8', 'web-9'] });
  all.admit('web-7');
  all.registrations.reject('web-8', ann);
  expect(waiting()).toEqual(['web-9']);
  all.register({ labels: { role: 'db' } });
  expect(waiting(), 'it says something else than what was let in').toEqual(['web-9', 'web-7']);
  all.end();
  const known = ['a', 'b'].map(pendingOf);
  expect(begin(undefined, { known }).registrations.waiting().names).toEqual(['a', 'b']);
  expect(begin('off', { known }).registrations.waiting()).toEqual({ waiting: 0, names: [] });
});

test('one that is forgotten waits no more', async () => {
  const all = begin({ rules: [], expireMs: day });
  all.register();
  await all.clock.pass(day + 2 * minute);
  expect(all.registrations.waiting().waiting).toBe(0);
});
