/**
 * Asks one source of hosts and reads its answer: the running of sources/ joined with the reading of config/inventory/. It
 * keeps nothing but what spares a server the same answer again.
 */
import { dirname } from 'node:path';
import { admitFound } from '../config/inventory/found-hosts.ts';
import { isPlainMap, type PlainMap, readPlainData } from '../config/inventory/plain-data.ts';
import { readInventoryPath, readVarsBeside } from '../config/inventory/read-path.ts';
import { type InventoryText, readInventory } from '../config/inventory/read-text.ts';
import { type InventoryReading, type Note, Notes, Unreadable } from '../config/inventory/reading.ts';
import type { Clock } from '../core/ports.ts';
import type { FoundHost, InventorySource } from '../core/sources.ts';
import { askHttp, type HttpMemory } from '../sources/inventory-http.ts';
import { type ProgramRequest, runProgram } from '../sources/inventory-program.ts';
import { askSrv } from '../sources/inventory-srv.ts';
import { readSshConfig } from '../sources/inventory-ssh-config.ts';

export interface AskContext {
  clock: Clock;
  /** Of the definitions: programs run there. */
  directory: string;
  signal?: AbortSignal;
  memory?: HttpMemory;
}

export type Asked =
  | { ok: true; hosts: readonly FoundHost[]; warnings: readonly string[]; memory?: HttpMemory }
  | { ok: false; problem: string };

/** `--host` at once, of a script that has to be asked for each host. */
const parallel = 8;

/** Never rejects for what a source does. */
export async function askInventory(source: InventorySource, context: AskContext): Promise<Asked> {
  const { from, format, timeoutMs } = source;
  const signal = context.signal === undefined ? {} : { signal: context.signal };
  switch (from.kind) {
    case 'file':
      return askFile(from.path, format);
    case 'exec':
      return askProgram(source, from.path, from.args, context);
    case 'http': {
      const { memory } = context;
      const told = await askHttp({
        url: from.url,
        timeoutMs,
        ...signal,
        ...(memory === undefined ? {} : { memory }),
      });
      if (!told.ok) return told;
      const answer = asked(readInventory({ text: told.text, format }));
      return answer.ok && told.memory !== undefined ? { ...answer, memory: told.memory } : answer;
    }
    case 'dns_srv': {
      const told = await askSrv({ record: from.record, timeoutMs, ...signal });
      return told.ok ? admitted(told.hosts, []) : told;
    }
    case 'ssh_config': {
      const told = await readSshConfig({ path: from.path, clock: context.clock, timeoutMs, ...signal });
      return told.ok ? admitted(told.hosts, told.warnings) : told;
    }
  }
}

export function askFile(path: string, format: InventorySource['format']): Asked {
  return asked(readInventoryPath({ path, format }));
}

async function askProgram(
  { format, timeoutMs }: InventorySource,
  path: string,
  args: readonly string[],
  { clock, directory, signal }: AskContext,
): Promise<Asked> {
  const byTimeMs = clock.monotonicMs() + timeoutMs;
  const run = (given: readonly string[]): ReturnType<typeof runProgram> => {
    const leftMs = Math.max(1, byTimeMs - clock.monotonicMs());
    const request: ProgramRequest = { path, args: given, directory, clock, timeoutMs: leftMs };
    return runProgram({ ...request, ...(signal === undefined ? {} : { signal }) });
  };
  const told = await run(args);
  if (!told.ok) return told;
  const beside = readVarsBeside(dirname(path));
  const input: InventoryText = { text: told.text, format, isScript: true, beside: beside.beside };
  const first = readInventory(input);
  if (!first.ok || first.askHosts === undefined) return asked(first, beside.warnings);
  const hostVars = await askHosts(first.askHosts, (host) => run(['--host', host]));
  if (typeof hostVars === 'string') return { ok: false, problem: hostVars };
  return asked(readInventory({ ...input, hostVars }), beside.warnings);
}

/** What the program tells of each host, or why one answer is none: half of the variables are worse than old ones. */
async function askHosts(
  hosts: readonly string[],
  run: (host: string) => ReturnType<typeof runProgram>,
): Promise<Map<string, PlainMap> | string> {
  const vars = new Map<string, PlainMap>();
  const waiting = [...hosts];
  let failed: string | undefined;
  const work = async (): Promise<void> => {
    for (let host = waiting.pop(); host !== undefined && failed === undefined; host = waiting.pop()) {
      const told = await run(host);
      const read = told.ok ? varsOf(told.text) : told.problem;
      if (typeof read === 'string') failed = `--host ${host}: ${read}`;
      else vars.set(host, read);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return failed ?? vars;
}

function varsOf(text: string): PlainMap | string {
  if (text.trim() === '') return {};
  try {
    const data = readPlainData(text, new Notes());
    return isPlainMap(data) ? data : 'it prints no map of variables';
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return `what it prints ${error.message}`;
  }
}

function asked(reading: InventoryReading, before: readonly Note[] = []): Asked {
  if (!reading.ok) {
    const { message, file, line } = reading.refusal;
    const place = file === undefined ? '' : `${file}: `;
    return { ok: false, problem: `${place}${line === undefined ? '' : `line ${line}: `}${message}` };
  }
  return { ok: true, hosts: reading.hosts, warnings: [...before, ...reading.warnings].map(noteText) };
}

function noteText({ message, line }: Note): string {
  return line === undefined ? message : `line ${line}: ${message}`;
}

function admitted(hosts: readonly FoundHost[], warnings: readonly string[]): Asked {
  const notes = new Notes();
  const allowed = admitFound(hosts, notes);
  return { ok: true, hosts: allowed, warnings: [...warnings, ...notes.list().map(noteText)] };
}
