import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { assertBuilt, type Ended, mendd } from '../support/mendd.ts';
import { removeSshd, type Sshd, startSshd } from '../support/sshd.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

let sshd: Sshd;

beforeAll(async () => {
  assertBuilt();
  sshd = await startSshd();
});
afterAll(() => removeSshd(sshd));

test('the scaffold is valid and its checks run as they stand', async () => {
  const cwd = temporaryTree({});
  const made = await mendd(['init', 'ops'], { cwd });
  expect([made.code, made.stdout.match(/^created /gm)?.length]).toEqual([0, 14]);
  const inside = { cwd: join(cwd, 'ops') };
  // Nobody is named in it yet, and that is all there is to say about it.
  const { code, stderr } = await mendd(['validate'], inside);
  expect([code, stderr.match(/^warning: .*/gm)]).toEqual([
    0,
    [expect.stringContaining('nobody would be told of a problem of')],
  ]);
  const hello = await mendd(['check', 'ops-box', 'hello'], inside);
  expect([hello.code, hello.stdout]).toEqual([
    0,
    expect.stringMatching(/^OK: hello world, \d+ logged in\|users=/),
  ]);
});

test('nothing is ever overwritten', async () => {
  const cwd = temporaryTree({ 'mendd.yaml': '# mine\n' });
  const again = await mendd(['init'], { cwd });
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('kept    mendd.yaml')]);
  expect(readFileSync(join(cwd, 'mendd.yaml'), 'utf8')).toBe('# mine\n');
});

/** The real ssh, but with settings of the test in place of the developer's. */
function withSettings(settings: string): { cwd: string; env: Record<string, string> } {
  const cwd = temporaryTree({
    settings,
    id: sshd.identity,
    'bin/ssh': '#!/bin/sh\nexec /usr/bin/ssh -F "$MENDD_TEST_SETTINGS" "$@"\n',
  });
  chmodSync(join(cwd, 'bin/ssh'), 0o755);
  chmodSync(join(cwd, 'id'), 0o600);
  writeFileSync(join(cwd, 'settings'), settings.replaceAll('@id@', join(cwd, 'id')));
  const { PATH = '' } = process.env;
  return { cwd, env: { PATH: `${join(cwd, 'bin')}:${PATH}`, MENDD_TEST_SETTINGS: join(cwd, 'settings') } };
}

function settingsOf(host: string, more = ''): string {
  return `Host ${host}\n  HostName ${sshd.address}\n  Port ${sshd.port}\n  User ${sshd.user}\n  IdentityFile @id@\n${more}`;
}

test('--host shows the fingerprint, records nothing without a yes, then logs in with the very key', async () => {
  const place = withSettings(settingsOf('web-1'));
  const asked = await mendd(['init', 'ops', '--host', 'web-1'], place);
  const fingerprint = readFileSync(join(sshd.directory, 'host_ed25519.pub'), 'utf8');
  expect(fingerprint).toContain('ssh-ed25519');
  expect([asked.code, asked.stderr]).toEqual([1, expect.stringMatching(/SHA256:\S{43} ssh-ed25519/)]);
  expect(existsSync(join(place.cwd, 'ops/known_hosts'))).toBe(false);

  const yes = await mendd(['init', 'ops', '--host', 'web-1', '--yes'], place);
  expect(yes).toMatchObject({ code: 0, stdout: expect.stringContaining(`works`) });
  expect(readFileSync(join(place.cwd, 'ops/known_hosts'), 'utf8')).toContain(
    `[127.0.0.1]:${sshd.port} ssh-ed25519`,
  );
  const inside = { ...place, cwd: join(place.cwd, 'ops') };
  expect(await mendd(['check', 'web-1', 'disk'], inside)).toMatchObject({ stderr: '' });

  const again = await mendd(['init', 'ops', '--host', 'web-1'], place);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('kept    the key') });
  expect(statSync(join(place.cwd, 'ops/definitions/hosts/web-1.yaml')).isFile()).toBe(true);
});

test('a login that fails is told with its stage; a jump host is not guessed at', async () => {
  const wrongUser = withSettings(settingsOf('web-1').replace(/User .*/, 'User nobody-of-this-name'));
  const failed = await mendd(['init', 'ops', '--host', 'web-1', '--yes'], wrongUser);
  expect([failed.code, failed.stderr]).toEqual([
    1,
    expect.stringMatching(/The login at web-1 failed \(auth: /),
  ]);
  const jump = withSettings(settingsOf('web-1', '  ProxyJump bastion\n'));
  const refused: Ended = await mendd(['init', 'ops', '--host', 'web-1'], jump);
  expect([refused.code, refused.stderr]).toEqual([64, expect.stringContaining('through bastion')]);
  expect(existsSync(join(jump.cwd, 'ops'))).toBe(false);
});

test('a host file that is somebody else’s is left alone', async () => {
  const place = withSettings(settingsOf('web-1'));
  await mendd(['init', 'ops'], place);
  mkdirSync(join(place.cwd, 'ops/definitions/hosts'), { recursive: true });
  const file = join(place.cwd, 'ops/definitions/hosts/web-1.yaml');
  writeFileSync(file, 'hosts:\n  other: { transport: local }\n');
  const refused = await mendd(['init', 'ops', '--host', 'web-1', '--yes'], place);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('does not define web-1')]);
  expect(readFileSync(file, 'utf8')).toContain('other');
});

test('the scaffold that init wrote before gets the key of the ssh settings', async () => {
  const place = withSettings(settingsOf('web-1'));
  await mendd(['init', 'ops'], place);
  const added = await mendd(['init', 'ops', '--host', 'web-1', '--yes'], place);
  expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('updated ops/mendd.yaml') });
  expect(readFileSync(join(place.cwd, 'ops/mendd.yaml'), 'utf8')).toContain(join(place.cwd, 'id'));
});

test('without a key, and without one in a daemon file that is somebody’s own, nothing is written', async () => {
  const place = withSettings(settingsOf('web-1').replace('@id@', '/nonexistent/id'));
  const refused = await mendd(['init', 'ops', '--host', 'web-1', '--yes'], place);
  expect([refused.code, refused.stdout, refused.stderr]).toEqual([
    77,
    '',
    expect.stringContaining('ssh-keygen'),
  ]);
  expect(existsSync(join(place.cwd, 'ops'))).toBe(false);

  const own = withSettings(settingsOf('web-1'));
  await mendd(['init', 'ops'], own);
  const file = join(own.cwd, 'ops/mendd.yaml');
  const text = `${readFileSync(file, 'utf8')}# mine\n`;
  writeFileSync(file, text);
  const told = await mendd(['init', 'ops', '--host', 'web-1', '--yes'], own);
  expect([told.code, told.stdout]).toEqual([77, '']);
  expect(told.stderr).toContain(`identity: \${file:${join(own.cwd, 'id')}}`);
  expect(existsSync(join(own.cwd, 'ops/definitions/hosts/web-1.yaml'))).toBe(false);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('a key with a passphrase is passed over: nobody could type it', async () => {
  const place = withSettings(settingsOf('web-1'));
  execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'a-secret', '-f', join(place.cwd, 'id')]);
  const refused = await mendd(['init', 'ops', '--host', 'web-1', '--yes'], place);
  expect([refused.code, refused.stdout]).toEqual([77, '']);
});

test('a directory is made level by level; where that cannot be, init and backup say so and end', async () => {
  const cwd = temporaryTree({ file: '' });
  expect((await mendd(['init', 'new/deep/dir'], { cwd })).code).toBe(0);
  expect((await mendd(['backup', 'copies/today', '--config', 'new/deep/dir/mendd.yaml'], { cwd })).code).toBe(
    77,
  );
  for (const [args, told] of [
    [['init', 'file'], 'file is a file, not a directory'],
    [['init', '/proc/1/x'], '/proc/1/x'],
    [['backup', '/proc/x', '--config', 'new/deep/dir/mendd.yaml'], '/proc/x'],
  ] as const) {
    const { code, stdout, stderr } = await mendd(args, { cwd });
    expect([code, stdout, stderr]).toEqual([77, '', expect.stringContaining(told)]);
  }
});
