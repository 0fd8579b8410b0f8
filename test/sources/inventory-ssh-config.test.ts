import { expect, test } from 'vitest';
import { systemClock } from '../../daemon/clock.ts';
import { readSshConfig } from '../../sources/inventory-ssh-config.ts';
import { temporaryTree, writeInto } from '../support/temporary-tree.ts';

function read(files: Record<string, string>) {
  const root = temporaryTree({});
  for (const [name, text] of Object.entries(files)) writeInto(root, name, text.replaceAll('ROOT', root));
  return readSshConfig({ path: `${root}/config`, clock: systemClock, timeoutMs: 20_000 });
}

const common = { labels: {}, vars: {} };

test('aliases without wildcards are hosts, as ssh itself reads them', async () => {
  const told = await read({
    config: `
      Include ROOT/conf.d/*.conf ROOT/missing.d/*
      Host web-1 "web-2" # a comment
        HostName 10.0.0.%h
        Port 2222
      Host *.example.com !no.example.com
        User wild
      Host bastion
        User=admin
      Host db.example.com
        ProxyJump ops@bastion:22
      Host *
        Port 22
      Match host web-9
        User never
    `,
    'conf.d/a.conf': 'Host included\n  HostName included.internal\n',
    'conf.d/.hidden.conf': 'Host hidden\n',
    'conf.d/b.txt': 'Host not-included\n',
  });
  expect(told).toEqual({
    ok: true,
    warnings: [],
    hosts: [
      { name: 'bastion', user: 'admin', ...common },
      { name: 'db.example.com', user: 'wild', jump: 'bastion', ...common },
      { name: 'included', address: 'included.internal', ...common },
      { name: 'web-1', address: '10.0.0.web-1', port: 2222, ...common },
      { name: 'web-2', address: '10.0.0.web-2', port: 2222, ...common },
    ],
  });
});

test('what cannot be carried over is told', async () => {
  const told = await read({
    config: 'Host a\n  ProxyJump elsewhere\nHost b\n  ProxyCommand nc %h %p\n',
  });
  expect(told).toMatchObject({ ok: true, hosts: [{ name: 'a', jump: 'elsewhere' }, { name: 'b' }] });
  const words = told.ok ? told.warnings.join('\n') : '';
  expect(words).toContain('host `a` goes through `elsewhere`');
  expect(words).toContain('host `b` is reached by a ProxyCommand');
});

test('a file that is not there or that ssh refuses is a problem', async () => {
  expect(await read({})).toMatchObject({ ok: false, problem: expect.stringContaining('ENOENT') });
  const loop = await read({ config: 'Host a\nInclude ROOT/config\n' });
  expect(loop).toMatchObject({ ok: false, problem: expect.stringContaining('ssh -G a') });
  const refused = await read({ config: 'Host a\n  NoSuchKeyword yes\n' });
  expect(refused).toMatchObject({ ok: false, problem: expect.stringContaining('ssh -G a: it ended with') });
});

test('an alias is never an option of ssh', async () => {
  expect(await read({ config: 'Host -oProxyCommand=touch${IFS}x\n' })).toEqual({
    ok: true,
    hosts: [],
    warnings: [],
  });
});
