/** Runbooks of the library beside the real programs they are about: healthy, in trouble, mended by the action itself. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { binDir } from '../checks/machine.ts';
import { background, localRunbook, temporaryDirectory } from '../support/library.ts';
import { freePort } from '../support/sshd.ts';

const hasNginx = existsSync('/usr/sbin/nginx');
const hasChrony = existsSync('/usr/sbin/chronyd');
const postgres = postgresDirectory();

function makeCertificate(
  directory: string,
  days: number,
  name = 'www.example.com',
): { cert: string; key: string } {
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  const wanted = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', [...wanted, '-days', String(days), '-keyout', key, '-out', cert, ...subject], {
    stdio: 'pipe',
  });
  return { cert, key };
}

test('certificate: a file of real openssl, near its end, ended for good, renewed by a fake certbot', async () => {
  const directory = temporaryDirectory();
  const { cert } = makeCertificate(directory, 100);
  const renewed = join(temporaryDirectory(), 'cert.pem');
  execFileSync('cp', [cert, renewed]);
  const bin = binDir({ certbot: `cp '${renewed}' '${cert}'` });
  const change = [['/etc/letsencrypt/live/www.example.com/fullchain.pem', cert]] as const;
  const runbook = localRunbook('certificate', { change, bin });
  const healthy = await runbook.check('file');
  expect(healthy).toMatchObject({ state: 'ok', text: expect.stringMatching(/^OK: valid until /) });
  expect(healthy.perfdata[0]).toMatchObject({ label: 'days', warn: '21:', crit: '7:' });
  makeCertificate(directory, 15);
  expect(await runbook.check('file')).toMatchObject({ state: 'warning' });
  makeCertificate(directory, 3);
  expect(await runbook.check('file')).toMatchObject({
    state: 'critical',
    text: expect.stringMatching(/ends on/),
  });
  writeFileSync(cert, 'nothing');
  expect(await runbook.check('file')).toMatchObject({ state: 'unknown' });
  expect((await runbook.act('renew')).exitCode).toBe(0);
  expect(await runbook.check('file')).toMatchObject({ state: 'ok' });
});

test('certificate: what a port of real openssl shows, for another name, near its end, and nothing at all', async () => {
  const directory = temporaryDirectory();
  const port = await freePort();
  const change = [
    ['with: { name: www.example.com }', `with: { name: www.example.com, port: ${port} }`],
  ] as const;
  const runbook = localRunbook('certificate', { change });
  const serve = async (days: number, name?: string): Promise<() => Promise<void>> => {
    const { cert, key } = makeCertificate(directory, days, name);
    const server = background('openssl', [
      's_server',
      '-accept',
      String(port),
      '-cert',
      cert,
      '-key',
      key,
      '-quiet',
    ]);
    await vi.waitFor(async () => expect((await runbook.check('shown')).text).not.toMatch(/shows no/));
    return async () => {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await ended;
    };
  };
  expect(await runbook.check('shown')).toMatchObject({
    state: 'critical',
    text: expect.stringMatching(/shows no/),
  });
  const end = await serve(100);
  expect(await runbook.check('shown')).toMatchObject({ state: 'ok' });
  await end();
  const endOther = await serve(100, 'other.example.com');
  expect(await runbook.check('shown')).toMatchObject({
    state: 'critical',
    text: expect.stringMatching(/not for/),
  });
  await endOther();
  await serve(15);
  expect(await runbook.check('shown')).toMatchObject({ state: 'warning' });
});

test.skipIf(!hasNginx)(
  'nginx: answers, stands still, is started again, and never into a wrong configuration (needs nginx on this machine)',
  async () => {
    const directory = temporaryDirectory();
    const port = await freePort();
    const conf = join(directory, 'nginx.conf');
    const good = `pid ${directory}/pid; error_log ${directory}/error.log; events {} http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${directory}/${kind};`).join(' ')} server { listen 127.0.0.1:${port}; location / { return 200 'well'; } } }`;
    writeFileSync(conf, good);
    const nginx = `/usr/sbin/nginx -e '${directory}/error.log' -c '${conf}'`;
    onTestFinished(() => void spawnSync('sh', ['-c', `${nginx} -s stop`]));
    // The unit of systemd is tested on the fleet; here `systemctl restart` is nginx itself.
    const bin = binDir({
      nginx: `exec ${nginx} "$@"`,
      systemctl: `[ "$1" = restart ] || exit 1\n${nginx} -s stop 2>/dev/null\nexec ${nginx}`,
    });
    const runbook = localRunbook('nginx', { bin, change: [[':80/', `:${port}/`]] });
    execFileSync('sh', ['-c', nginx]);
    await vi.waitFor(async () => expect(await runbook.check('answers')).toMatchObject({ state: 'ok' }));
    expect(await runbook.check('configuration')).toMatchObject({ state: 'ok' });
    writeFileSync(conf, 'nonsense;');
    expect(await runbook.check('configuration')).toMatchObject({
      state: 'warning',
      longText: expect.stringMatching(/nonsense/),
    });
    expect((await runbook.act('restart')).exitCode).not.toBe(0);
    expect(await runbook.check('answers')).toMatchObject({ state: 'ok' });
    writeFileSync(conf, good);
    execFileSync('sh', ['-c', `${nginx} -s stop`]);
    await vi.waitFor(async () => expect(await runbook.check('answers')).toMatchObject({ state: 'critical' }));
    expect((await runbook.act('restart_silent')).exitCode).toBe(0);
    await vi.waitFor(async () => expect(await runbook.check('answers')).toMatchObject({ state: 'ok' }));
  },
);

test.skipIf(!hasChrony)(
  'ntp drift: real chronyd with a source of time, without one, and started again (needs chrony on this machine)',
  async () => {
    const directory = temporaryDirectory();
    const socket = join(directory, 'run/chronyd.sock');
    mkdirSync(join(directory, 'run'), { mode: 0o770 });
    const conf = join(directory, 'chrony.conf');
    const settings = (more: string): string =>
      `bindcmdaddress ${socket}\ncmdport 0\nport 0\npidfile ${directory}/pid\n${more}\n`;
    const bin = binDir({
      chronyc: `exec /usr/bin/chronyc -h '${socket}' "$@"`,
      systemctl: `case $1 in is-enabled) [ "$3" = chrony ] ;; restart) kill "$(cat '${directory}/pid')"; while [ -e '${directory}/pid' ]; do sleep 0.05; done; exec /usr/sbin/chronyd -x -u root -f '${conf}' ;; esac`,
    });
    const start = (): void =>
      void execFileSync('/usr/sbin/chronyd', ['-x', '-u', 'root', '-f', conf], { stdio: 'ignore' });
    onTestFinished(() => void spawnSync('sh', ['-c', `kill "$(cat '${directory}/pid')"`]));
    const runbook = localRunbook('ntp-drift', { bin });
    writeFileSync(conf, settings(''));
    start();
    await vi.waitFor(async () =>
      expect(await runbook.check('offset')).toMatchObject({
        state: 'critical',
        text: 'CRITICAL: chrony has no source of time',
      }),
    );
    writeFileSync(conf, settings('local stratum 3'));
    expect(await runbook.act('restart')).toMatchObject({ exitCode: 0 });
    await vi.waitFor(async () => {
      const mended = await runbook.check('offset');
      expect(mended.text).toMatch(/^OK: .* s off by chrony/);
      expect(mended.perfdata[0]).toMatchObject({ label: 'offset' });
    });
  },
);

test.each([
  ['fake ntpq', { ntpq: 'echo "offset=-0.312, leap=00"' }, 'ok', /off by ntpd/],
  ['fake ntpq', { ntpq: 'echo "offset=250.5, leap=00"' }, 'warning', /^WARNING: 0\.25/],
  ['fake ntpq', { ntpq: 'echo "offset=0.0, leap=11"' }, 'critical', /no source/],
  [
    'fake timedatectl',
    { timedatectl: 'printf "       Server: x\\n       Offset: -2.5ms\\n"' },
    'ok',
    /-0\.0025/,
  ],
  ['fake timedatectl', { timedatectl: 'printf "       Offset: +1.5s\\n"' }, 'critical', /1\.500000 s off/],
  ['fake timedatectl', { timedatectl: 'printf "       Server: n/a\\n"' }, 'critical', /no source/],
  ['no program', {}, 'unknown', /neither/],
])('ntp drift: %s %j is %s', async (_, programs, state, text) => {
  const none = { chronyc: 'exit 1', ntpq: 'exit 1', timedatectl: 'exit 1' };
  const runbook = localRunbook('ntp-drift', { bin: binDir({ ...none, ...programs }) });
  expect(await runbook.check('offset')).toMatchObject({ state, text: expect.stringMatching(text) });
});

test.each([
  ['running healthy 2', 0, 'ok', /shop runs/],
  ['running none 0', 0, 'ok', /shop runs/],
  ['running starting 0', 0, 'warning', /starting/],
  ['running unhealthy 1', 0, 'critical', /unhealthy/],
  ['exited none 0', 0, 'critical', /exited/],
  ['Error: No such container: shop', 1, 'critical', /no container/],
  ['Cannot connect to the Docker daemon', 1, 'unknown', /does not answer/],
])('docker container: a fake docker that says %j', async (said, code, state, text) => {
  const bin = binDir({ docker: `echo '${said}'; exit ${code}` });
  const runbook = localRunbook('docker-container', { bin });
  expect(await runbook.check('shop')).toMatchObject({ state, text: expect.stringMatching(text) });
});

test('docker container: a fake docker restarts what has ended', async () => {
  const state = join(temporaryDirectory(), 'state');
  writeFileSync(state, 'exited none 0');
  const bin = binDir({
    docker: `[ "$1 $2 $3 $4" = "restart --time 30 shop" ] && echo 'running none 1' >'${state}'\n[ "$1" = inspect ] && cat '${state}'\nexit 0`,
  });
  const runbook = localRunbook('docker-container', { bin });
  expect(await runbook.check('shop')).toMatchObject({ state: 'critical' });
  expect((await runbook.act('restart_shop')).exitCode).toBe(0);
  expect(await runbook.check('shop')).toMatchObject({
    state: 'ok',
    perfdata: [{ label: 'restarts', value: 1 }],
  });
});

function kill(word: string, name: string): string {
  return `${word}: Killed process 812 (${name}) total-vm:9kB, anon-rss:1kB\n`;
}

test('out of memory: a fake journal and a fake systemctl tell of kills; what is down for it is started', async () => {
  const directory = temporaryDirectory();
  const [log, failed] = [join(directory, 'log'), join(directory, 'failed')];
  writeFileSync(log, 'usb 1-1: new device\n');
  writeFileSync(failed, '');
  const bin = binDir({
    journalctl: `cat '${log}'`,
    systemctl: `case $1 in list-units) cat '${failed}' ;; show) [ "$4" = shop.service ] && echo oom-kill || echo exit-code ;; restart) sed -i "/$2/d" '${failed}' ;; esac`,
  });
  const runbook = localRunbook('oom', { bin });
  expect(await runbook.check('kills')).toMatchObject({ state: 'ok' });
  expect(await runbook.check('down')).toMatchObject({ state: 'ok' });
  writeFileSync(
    log,
    kill('Out of memory', 'java') +
      kill('Memory cgroup out of memory', 'java') +
      kill('Out of memory', 'node'),
  );
  writeFileSync(failed, 'other.service loaded failed failed x\nshop.service loaded failed failed y\n');
  const killed = await runbook.check('kills');
  expect(killed).toMatchObject({ state: 'warning', text: expect.stringContaining('2 x java, 1 x node') });
  expect(killed.perfdata[0]).toMatchObject({ label: 'kills', value: 3 });
  expect(await runbook.check('down')).toMatchObject({
    state: 'critical',
    text: expect.stringMatching(/: shop\.service$/),
  });
  expect((await runbook.act('start_again')).exitCode).toBe(0);
  expect(await runbook.check('down')).toMatchObject({ state: 'ok' });
});

function postgresDirectory(): string | undefined {
  const root = '/usr/lib/postgresql';
  if (process.getuid?.() !== 0 || !existsSync(root)) return undefined;
  return readdirSync(root)
    .map((version) => join(root, version, 'bin'))
    .find((bin) => existsSync(join(bin, 'initdb')));
}

test.skipIf(postgres === undefined)(
  'postgresql replication: a real standby streams, is paused, is resumed, and loses its primary (needs root and PostgreSQL on this machine)',
  async () => {
    const directory = temporaryDirectory();
    execFileSync('chmod', ['755', directory]);
    const work = join(directory, 'pg');
    mkdirSync(work);
    execFileSync('chown', ['postgres', work]);
    const [first, second] = [await freePort(), await freePort()];
    const as = (command: string): string =>
      execFileSync('runuser', ['-u', 'postgres', '--', 'sh', '-c', command], {
        encoding: 'utf8',
        cwd: work,
        env: { PATH: `${postgres}:/usr/bin:/bin:/usr/sbin`, PGHOST: work },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    const stop = (name: string): void =>
      void spawnSync(
        'runuser',
        [
          '-u',
          'postgres',
          '--',
          join(postgres ?? '', 'pg_ctl'),
          '-D',
          join(work, name),
          '-m',
          'immediate',
          'stop',
        ],
        { stdio: 'ignore', cwd: work },
      );
    onTestFinished(() => {
      stop('standby');
      stop('primary');
    });
    as('initdb -D primary -A trust --no-sync -N >/dev/null');
    const start = (name: string, port: number): string =>
      as(
        `pg_ctl -w -D ${name} -l ${name}.log -o "-p ${port} -k ${work} -c listen_addresses= -c fsync=off" start >/dev/null`,
      );
    start('primary', first);
    as(`pg_basebackup -p ${first} -D standby -R -c fast --no-sync`);
    start('standby', second);
    const change = [['warn=30 crit=300', 'warn=0 crit=300']] as const;
    const env = { PGHOST: work, PGPORT: String(second), PGUSER: 'postgres' };
    const runbook = localRunbook('postgresql-replication', { change, env });
    await vi.waitFor(async () => expect(await runbook.check('lag')).toMatchObject({ state: 'ok' }));
    as(`psql -XAtq -p ${second} -d postgres -c "select pg_wal_replay_pause()"`);
    as(`psql -XAtq -p ${first} -d postgres -c "create table t as select 1"`);
    await vi.waitFor(async () =>
      expect(await runbook.check('lag')).toMatchObject({
        state: 'warning',
        text: expect.stringMatching(/ s behind/),
      }),
    );
    expect((await runbook.act('resume')).exitCode).toBe(0);
    await vi.waitFor(async () => expect(await runbook.check('lag')).toMatchObject({ state: 'ok' }));
    const primary = localRunbook('postgresql-replication', { env: { ...env, PGPORT: String(first) } });
    expect(await primary.check('lag')).toMatchObject({
      state: 'critical',
      text: 'CRITICAL: this is no standby',
    });
    stop('primary');
    await vi.waitFor(async () =>
      expect(await runbook.check('lag')).toMatchObject({
        state: 'critical',
        text: expect.stringMatching(/does not stream/),
      }),
    );
    stop('standby');
    expect(await runbook.check('lag')).toMatchObject({
      state: 'critical',
      text: expect.stringMatching(/does not answer/),
    });
  },
);
