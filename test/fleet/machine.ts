/** One machine of the fleet in the tests' words: its faults and its own counters. Mechanics live in fleet.sh. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Exit {
  code: number;
  stdout: string;
  stderr: string;
}

/** Calls fleet.sh for one fleet. */
export type CallFleet = (...args: string[]) => Promise<Exit>;

export type CountedUnit = 'worker' | 'flaky';

/** Faults return when they took effect; counters outlive reboots. */
export class Machine {
  readonly name: string;
  readonly address: string;
  readonly #dir: string;
  readonly #call: CallFleet;

  constructor(name: string, address: string, dir: string, call: CallFleet) {
    this.name = name;
    this.address = address;
    this.#dir = dir;
    this.#call = call;
  }

  /** Network cable out: nothing answers, nothing is refused. */
  async cutOff(): Promise<void> {
    await this.#fleet('cut');
  }

  async reconnect(): Promise<void> {
    await this.#fleet('join');
  }

  /** SIGSTOP to every process: the kernel accepts TCP, nobody speaks. */
  async hang(): Promise<void> {
    await this.#fleet('hang');
  }

  async unhang(): Promise<void> {
    await this.#fleet('unhang');
  }

  /** Power off, without a shutdown. */
  async kill(): Promise<void> {
    await this.#fleet('kill');
  }

  /** Power back after `kill`; returns when it is up. */
  async start(): Promise<void> {
    await this.#fleet('start');
    await this.waitUp();
  }

  async waitUp(): Promise<void> {
    await this.#fleet('wait');
  }

  async fillDisk(): Promise<void> {
    await this.#fleet('fill');
  }

  async freeDisk(): Promise<void> {
    await this.#fleet('free');
  }

  /** A new SSH host key that the fleet's known_hosts does not know. */
  async changeHostKey(): Promise<void> {
    await this.#fleet('hostkey');
  }

  async stopUnit(unit: string): Promise<void> {
    await this.must(`systemctl stop ${unit}`);
  }

  async maskUnit(unit: string): Promise<void> {
    await this.must(`systemctl mask --now ${unit}`);
  }

  /** Kills the unit's processes; systemd sees it failed and leaves it so. */
  async crashUnit(unit: string): Promise<void> {
    await this.must(`systemctl kill --signal=KILL ${unit}`);
  }

  /** From now on flaky.service fails at every start, until a reboot. */
  async breakFlaky(): Promise<void> {
    await this.must('touch /run/broken');
    await this.crashUnit('flaky');
  }

  /** Every start of worker and flaky takes so long from now on. */
  async slowStarts(seconds: number): Promise<void> {
    await this.must(`echo ${seconds} >/var/lib/fleet/delay`);
  }

  /** From the next boot on sshd starts so much later. */
  async slowBoots(seconds: number): Promise<void> {
    const directory = '/etc/systemd/system/ssh.service.d';
    const lines = `[Service]\\nExecStartPre=/bin/sleep ${seconds}\\n`;
    await this.must(`mkdir -p ${directory} && printf '${lines}' >${directory}/slow.conf`);
  }

  /** A shell command as root inside, not over the network. Exit 1 with a sentence while it is off. */
  async exec(command: string): Promise<Exit> {
    return this.#call('exec', this.name, 'sh', '-c', command);
  }

  /** Errors: throws with the machine's words when the command fails. */
  async must(command: string): Promise<string> {
    const exit = await this.exec(command);
    if (exit.code !== 0) throw new Error(`${this.name}: ${command}: exit ${exit.code}: ${exit.stderr}`);
    return exit.stdout.trim();
  }

  /** As root over the fleet's network. Limits: 3 s to connect, then exit 255. */
  async ssh(command: string): Promise<Exit> {
    return this.#call('ssh', this.name, command);
  }

  /** undefined while it is off or between two boots. */
  async bootId(): Promise<string | undefined> {
    const ids = await this.#liveLines('/proc/sys/kernel/random/boot_id');
    return ids[0];
  }

  /** How often it booted, counted by itself. */
  async bootCount(): Promise<number> {
    return (await readLines(join(this.#dir, 'root/var/lib/fleet/boots'))).length;
  }

  /** How often it was switched on or came back from a reboot, counted from outside. */
  async powerOnCount(): Promise<number> {
    return (await readLines(join(this.#dir, 'boots'))).length;
  }

  /** How often systemd really started the unit, counted by the unit; each boot starts it once. */
  async startCount(unit: CountedUnit): Promise<number> {
    return (await readLines(join(this.#dir, `root/var/lib/fleet/starts.${unit}`))).length;
  }

  /** Ids of the intents that the guard on the machine let start as root, oldest first; a reboot clears them. */
  async guardStarts(): Promise<string[]> {
    return this.#liveLines('/run/mendd/started.log');
  }

  /** Lines of a file in the running machine, /run included; works while it hangs. */
  async #liveLines(path: string): Promise<string[]> {
    const leader = await this.#call('leader', this.name);
    return leader.code === 0 ? readLines(`/proc/${leader.stdout.trim()}/root${path}`) : [];
  }

  async #fleet(command: string): Promise<void> {
    const exit = await this.#call(command, this.name);
    if (exit.code !== 0)
      throw new Error(`fleet.sh ${command} ${this.name}: exit ${exit.code}: ${exit.stderr}`);
  }
}

/** None when the file, or the process whose /proc it is in, is gone. */
async function readLines(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return [];
    throw error;
  }
}
