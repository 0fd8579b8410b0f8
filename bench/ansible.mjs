// Ad-hoc runs of Ansible: the module `raw`, which needs nothing on the hosts. Each run opens ControlMasters, as Ansible is shipped, or
// finds those that a run before has opened.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openAccount } from './accounts.mjs';
import { measureWork, programs, reach, skippedWithout } from './peers.mjs';
import { run } from './processes.mjs';

/** More hosts spread the start of Python further; this many take some seconds. */
const hostCount = 50;

/** Contenders as in peers.mjs. */
export function prepareAnsible(hosts, directory, flags) {
  return [
    contender('ansible', 'Ansible ad hoc, `raw`, new connections', false, hosts, directory, flags),
    contender(
      'ansible-master',
      'Ansible ad hoc, `raw`, its ControlMasters open',
      true,
      hosts,
      directory,
      flags,
    ),
  ];
}

function contender(key, name, isOpen, hosts, directory, { scale }) {
  const way = reach(hosts, directory, Math.max(4, Math.round(hostCount * scale)));
  const home = join(directory, key);
  let account;
  let turn = 0;
  const adHoc = async () => {
    const argv = [programs.ansible, 'all', '-i', join(home, 'inventory'), '-m', 'raw', '-a', 'echo OK'];
    const env = {
      PATH: process.env.PATH,
      LC_ALL: 'C.UTF-8',
      HOME: home,
      ANSIBLE_CONFIG: join(home, 'ansible.cfg'),
      ANSIBLE_SSH_CONTROL_PATH_DIR: join(home, isOpen ? 'cp' : `cp${(turn += 1)}`),
    };
    const output = await run(account.command(argv), '', { env, cwd: home });
    const good = output.match(/ \| CHANGED \| rc=0 >>\nOK/g)?.length ?? 0;
    if (good !== way.addresses.length) throw new Error(`another answer than OK from Ansible:\n${output}`);
  };
  return {
    key,
    name,
    ...skippedWithout(programs.ansible),
    samples: [],
    async open() {
      account = openAccount(key);
      mkdirSync(home);
      const hostsLines = way.addresses.map((address, i) => `host-${i} ansible_host=${address}\n`).join('');
      writeFileSync(join(home, 'inventory'), hostsLines);
      writeFileSync(
        join(home, 'ansible.cfg'),
        `[defaults]
local_tmp = ${join(home, 'tmp')}
forks = 5
[ssh_connection]
ssh_args = -F ${way.config} -C -o ControlMaster=auto -o ControlPersist=60s
`,
      );
    },
    async measure() {
      if (isOpen) await adHoc();
      const cost = await measureWork(account, hosts, adHoc);
      return { ...cost, checks: way.addresses.length };
    },
    close: () => account.stop(),
  };
}
