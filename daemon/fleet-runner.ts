/** Joins the runner with what the daemon knows of its hosts, and tells of host keys that changed. */
import type { Definitions } from '../core/definitions.ts';
import { failuresOf } from '../core/host-status.ts';
import type { Clock, Runner } from '../core/ports.ts';
import { createPluginUploader } from '../runner/plugin-upload.ts';
import { createRunner } from '../runner/runner.ts';
import type { Fleet } from './fleet.ts';
import type { History } from './history.ts';
import type { Log } from './log.ts';
import { Seldom } from './seldom.ts';

/** A host that goes on presenting a wrong key is told of this often. Milliseconds. */
const hostKeyToldEveryMs = 3_600_000;

/** `known`: asked when something is run, not before. */
export function createFleetRunner(
  options: { definitions: Definitions; clock: Clock; log: Log; random: () => number },
  known: () => { fleet: Fleet; history: History },
): Runner {
  const { definitions, clock, log, random } = options;
  const keyChanges = new Seldom(clock, hostKeyToldEveryMs);
  return createRunner({
    config: definitions.daemon.ssh,
    clock,
    random,
    plugins: createPluginUploader(),
    hosts: (name) => known().fleet.definitions.hosts.get(name),
    troubled: (name) => failuresOf(known().fleet.state(name)?.host),
    onHostKeyChange: (host, change) => {
      if (!keyChanges.isNews(`${host} ${change.presented.fingerprint}`)) return;
      known().history.add('host_key.changed', { host, data: { ...change } });
    },
    log: (level, message, fields) => log[level](fields, message),
  });
}
