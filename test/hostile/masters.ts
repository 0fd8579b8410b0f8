/** The `ssh` programs of one directory for sockets, as the kernel lists them; it starts and ends none. */
import { readdirSync, readFileSync } from 'node:fs';

/** Those of this directory that live, and the memory that is theirs alone, in bytes. */
export function masters(directory: string): { pids: number[]; bytes: number } {
  const pids: number[] = [];
  let bytes = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = read(`/proc/${name}/cmdline`);
    if (!line.startsWith('ssh\0') || !line.includes(directory)) continue;
    pids.push(Number(name));
    bytes += 1024 * Number(/^RssAnon:\s+(\d+) kB/m.exec(read(`/proc/${name}/status`))?.[1] ?? 0);
  }
  return { pids, bytes };
}

/** Processes that this one started and that are not gone altogether, dead ones that nobody asked after too. */
export function children(): number[] {
  const own = String(process.pid);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === own)
    .map(Number);
}

function parentOf(pid: string): string | undefined {
  // The name before it may hold blanks and parentheses.
  return read(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ')[1];
}

/** Processes end while they are looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ESRCH') throw error;
    return '';
  }
}
