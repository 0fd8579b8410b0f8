// Nagios 4 and Icinga 2 from Debian's packages, each with a configuration of its own in the temporary directory: their scheduler,
// their workers, check_by_ssh, and a line of theirs for each result, by which checks are counted.
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openAccount } from './accounts.mjs';
import { measureWork, programs, reach, skippedWithout } from './peers.mjs';
import { end } from './processes.mjs';

/** Few hosts: only what one check costs is compared, and this machine could not start so many processes for more. */
const hostCount = 10;
const checksPerHost = 10;
const warmUpMs = 5_000;

/** `perSecond` is what one core can do at this cost beside the hosts it asks. */
const kinds = [
  { key: 'nagios', name: 'Nagios 4 with `check_by_ssh` as shipped', write: writeNagios, perSecond: 4 },
  {
    key: 'nagios-master',
    name: 'Nagios 4 with `check_by_ssh` over an open ControlMaster',
    write: writeNagios,
    perSecond: 40,
    master: true,
  },
  { key: 'icinga', name: 'Icinga 2 with `check_by_ssh` as shipped', write: writeIcinga, perSecond: 4 },
  {
    key: 'icinga-master',
    name: 'Icinga 2 with `check_by_ssh` over an open ControlMaster',
    write: writeIcinga,
    perSecond: 40,
    master: true,
  },
];

/** Contenders as in peers.mjs. Each measurement has a daemon of its own, whose start is not counted. */
export function prepareMonitors(hosts, directory, { seconds }) {
  const way = reach(hosts, directory, hostCount);
  return kinds.map(({ key, name, write, perSecond, master }) => {
    const program = write === writeNagios ? programs.nagios : programs.icinga;
    const options = master ? way.masterOptions(key) : way.options;
    const everySec = (way.addresses.length * checksPerHost) / perSecond;
    let account;
    let turn = 0;
    return {
      key,
      name,
      ...skippedWithout(program, programs.checkBySsh),
      samples: [],
      async open() {
        account = openAccount(key);
        if (master) await way.openMasters(key, account);
      },
      async measure() {
        turn += 1;
        const home = join(directory, `${key}-${turn}`);
        mkdirSync(home);
        const { args, readResults } = write(home, { addresses: way.addresses, options, everySec });
        const log = [];
        const daemon = account.start(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
        for (const stream of [daemon.stdout, daemon.stderr])
          stream.setEncoding('utf8').on('data', (text) => log.push(text));
        // Nagios tells whole seconds only.
        await pause(warmUpMs - (Date.now() % 1000));
        const fromSec = Math.round(Date.now() / 1000);
        const cost = await measureWork(account, hosts, async () => {
          await pause(seconds * 1000);
          if (daemon.exitCode !== null)
            throw new Error(`${name} ended with ${daemon.exitCode}: ${log.join('')}`);
        });
        await end(daemon);
        if (daemon.stdout.readable) await once(daemon.stdout, 'close').catch(() => undefined);
        const results = readResults().filter(({ atSec }) => atSec >= fromSec && atSec < fromSec + seconds);
        const bad = results.find(({ state }) => state !== 'OK');
        if (bad !== undefined) throw new Error(`a check of ${name} was ${bad.state}`);
        if (results.length === 0) throw new Error(`${name} made no check: ${log.join('')}`);
        return { ...cost, checks: results.length };
      },
      close: () => account.stop(),
    };
  });
}

function writeNagios(home, { addresses, options, everySec }) {
  const path = (name) => join(home, name);
  const user = userInfo().username;
  mkdirSync(path('checkresults'));
  const services = Array.from({ length: checksPerHost }, (_, i) => i);
  writeFileSync(
    path('objects.cfg'),
    `define command {
  command_name over_ssh
  command_line ${programs.checkBySsh} ${options.join(' ')} -H $HOSTADDRESS$ -C 'echo OK'
}
define timeperiod {
  timeperiod_name always
  alias always
${['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'].map((day) => `  ${day} 00:00-24:00\n`).join('')}}
define contact {
  contact_name nobody
  host_notifications_enabled 0
  service_notifications_enabled 0
  host_notification_period always
  service_notification_period always
  host_notification_commands over_ssh
  service_notification_commands over_ssh
}
${addresses
  .map(
    (address, host) => `define host {
  host_name host-${host}
  address ${address}
  active_checks_enabled 0
  max_check_attempts 3
  check_period always
  contacts nobody
}
${services
  .map(
    (service) => `define service {
  host_name host-${host}
  service_description check-${service}
  check_command over_ssh
  check_interval ${everySec}
  retry_interval ${everySec}
  max_check_attempts 3
  check_period always
  contacts nobody
}
`,
  )
  .join('')}`,
  )
  .join('')}`,
  );
  writeFileSync(path('resource.cfg'), '');
  writeFileSync(
    path('nagios.cfg'),
    `log_file=${path('nagios.log')}
cfg_file=${path('objects.cfg')}
resource_file=${path('resource.cfg')}
object_cache_file=${path('objects.cache')}
status_file=${path('status.dat')}
temp_file=${path('nagios.tmp')}
temp_path=${home}
check_result_path=${path('checkresults')}
state_retention_file=${path('retention.dat')}
command_file=${path('nagios.cmd')}
query_socket=${path('nagios.qh')}
lock_file=${path('nagios.lock')}
nagios_user=${user}
nagios_group=${user}
check_external_commands=0
check_for_updates=0
use_syslog=0
enable_notifications=0
interval_length=1
service_inter_check_delay_method=${everySec / addresses.length / checksPerHost}
process_performance_data=1
service_perfdata_file=${path('results')}
service_perfdata_file_template=$TIMET$ $SERVICESTATE$
service_perfdata_file_mode=a
service_perfdata_process_empty_results=1
`,
  );
  const readResults = () => readLines(path('results'));
  return { args: [path('nagios.cfg')], readResults };
}

function writeIcinga(home, { addresses, options, everySec }) {
  const path = (name) => join(home, name);
  const user = userInfo().username;
  const services = Array.from({ length: checksPerHost }, (_, i) => i);
  for (const name of ['data', 'log', 'cache', 'spool', 'run', 'results']) mkdirSync(path(name));
  const command = [programs.checkBySsh, ...options, '-H', '$address$', '-C', 'echo OK'];
  writeFileSync(
    path('icinga2.conf'),
    `include <itl>
object CheckerComponent "checker" { }
object PerfdataWriter "results" {
  service_perfdata_path = "${path('results/service')}"
  service_temp_path = "${path('service.tmp')}"
  host_perfdata_path = "${path('results/host')}"
  host_temp_path = "${path('host.tmp')}"
  service_format_template = "$service.last_check$ $service.state$"
  rotation_interval = 1h
}
object CheckCommand "none" { command = [ "/bin/true" ] }
object CheckCommand "over_ssh" { command = ${JSON.stringify(command)} }
${addresses
  .map(
    (address, host) => `object Host "host-${host}" {
  address = "${address}"
  check_command = "none"
  enable_active_checks = false
}
${services
  .map(
    (service) => `object Service "check-${service}" {
  host_name = "host-${host}"
  check_command = "over_ssh"
  check_interval = ${everySec}s
  retry_interval = ${everySec}s
}
`,
  )
  .join('')}`,
  )
  .join('')}`,
  );
  const constants = {
    RunAsUser: user,
    RunAsGroup: user,
    DataDir: path('data'),
    LogDir: path('log'),
    CacheDir: path('cache'),
    SpoolDir: path('spool'),
    InitRunDir: path('run'),
  };
  const args = Object.entries(constants).flatMap(([name, value]) => ['-D', `${name}=${value}`]);
  return {
    args: ['daemon', ...args, '-c', path('icinga2.conf')],
    readResults: () => [
      ...readLines(path('service.tmp')),
      ...readdirSync(path('results')).flatMap((name) => readLines(path(`results/${name}`))),
    ],
  };
}

function readLines(file) {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => ({ atSec: Number(line.split(' ')[0]), state: line.split(' ')[1] }));
}
