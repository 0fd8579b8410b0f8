import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Coordinator } from '../../core/ports.ts';
import { openStores } from '../../store/open.ts';
import {
  approvalOf,
  brakeOf,
  closeStores,
  intentOf,
  openForTest,
  silenceOf,
  slotsOf,
  startMs,
  temporaryDirectory,
} from './support/samples.ts';

/** ext4's smallest with a journal, and room for the store. */
const diskBytes = 16 * 1024 * 1024;

function run(program: string, ...args: string[]): void {
  execFileSync(program, args, { stdio: 'pipe' });
}

function makeDisk(image: string): void {
  writeFileSync(image, '');
  truncateSync(image, diskBytes);
  run('mkfs.ext4', '-q', '-F', '-m', '0', image);
}

/** The loop device is let go with the mount. */
function withMounted<T>(image: string, directory: string, use: () => T): T {
  run('mount', '-o', 'loop', image, directory);
  try {
    return use();
  } finally {
    run('umount', directory);
  }
}

const mounts = ((): boolean => {
  const directory = mkdtempSync(join(tmpdir(), 'mendd-disk-'));
  try {
    makeDisk(join(directory, 'disk'));
    mkdirSync(join(directory, 'mnt'));
    withMounted(join(directory, 'disk'), join(directory, 'mnt'), () => undefined);
    return true;
  } catch {
    // Not root, or no loop devices here: the test says so in its name.
    return false;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
})();
const why = mounts ? '' : ' (skipped: needs root, loop devices and mkfs.ext4)';

interface Disk {
  /** A directory on the disk. */
  directory: string;
  /** What a power cut at this moment would leave, as it is found after the next boot. */
  afterPowerCut: <T>(look: (directory: string) => T) => T;
}

function disk(): Disk {
  const base = temporaryDirectory();
  const at = (name: string): string => join(base, name);
  makeDisk(at('disk'));
  for (const name of ['now', 'later']) mkdirSync(at(name));
  run('mount', '-o', 'loop', at('disk'), at('now'));
  onTestFinished(() => run('umount', '-l', at('now')));
  let cuts = 0;
  return {
    directory: at('now'),
    afterPowerCut(look) {
      // A name of its own: a loop device that is let go late still holds what the last copy said.
      cuts += 1;
      const copy = at(`copy-${cuts}`);
      copyFileSync(at('disk'), copy);
      try {
        return withMounted(copy, at('later'), () => look(at('later')));
      } finally {
        rmSync(copy);
      }
    },
  };
}

/** What was acknowledged in a round, and how it is seen afterwards. */
type Step = readonly [
  does: (coordinator: Coordinator) => void,
  shows: (coordinator: Coordinator) => unknown,
  what: unknown,
];

function newestRun(coordinator: Coordinator): unknown {
  return coordinator.auditEntries({ limit: 1 }).items[0]?.body['run'];
}

function stepsOf(round: number): Step[] {
  const [id, host, asked] = [`run-${round}`, `host-${round}`, `asked-${round}`];
  const intentIn = (c: Coordinator): ReturnType<typeof intentOf> => intentOf(c.fence, { id, host });
  const settle = { status: 'approved', atMs: startMs, by: 'person:kim' } as const;
  const pause = { sinceMs: startMs + round, by: 'kim', reason: 'power' };
  const quarantine = { cause: 'restored', sinceMs: startMs + round, text: 'x' } as const;
  return [
    [
      (c) => expect(c.claim(intentIn(c), slotsOf())).toEqual({ kind: 'claimed' }),
      (c) => [c.get(id)?.status, newestRun(c)],
      ['intended', id],
    ],
    [(c) => c.dispatched(id, startMs), (c) => c.get(id)?.status, 'dispatched'],
    [
      (c) => c.advance(id, { atMs: startMs, status: 'verifying', step: 'reboot' }),
      (c) => c.get(id)?.step,
      'reboot',
    ],
    [(c) => c.advance(id, { atMs: startMs, status: 'verified' }), (c) => c.get(id)?.status, 'verified'],
    [(c) => c.askApproval(approvalOf({ id: asked })), (c) => c.approval(asked)?.status, 'waiting'],
    [(c) => c.settleApproval(asked, settle), (c) => c.approval(asked)?.status, 'approved'],
    [(c) => c.addSuppression(silenceOf(host)), (c) => c.suppressions(startMs).at(-1)?.id, host],
    [(c) => c.saveBrake(brakeOf({ unhealthy: round })), (c) => c.brakes()[0]?.unhealthy, round],
    [(c) => c.pause(pause), (c) => c.paused(startMs), pause],
    [(c) => c.resume(), (c) => c.paused(startMs), undefined],
    [(c) => c.setQuarantine(quarantine), (c) => c.quarantine(), quarantine],
    [(c) => c.rearm(), (c) => c.quarantine(), undefined],
  ];
}

test.skipIf(!mounts)(`a power cut right after an answer loses nothing that was answered${why}`, () => {
  const { directory, afterPowerCut } = disk();
  const { coordinator } = openForTest(join(directory, 'mendd.db'));
  const steps = Array.from({ length: 3 }, (_, round) => stepsOf(round)).flat();
  for (const [does, shows, what] of steps) {
    does(coordinator);
    afterPowerCut((later) => {
      // A mark torn by the cut is told, and is no reason to distrust the ledger.
      const [path, nowMs] = [join(later, 'mendd.db'), startMs + 1000];
      const stores = openStores({ path, nowMs, warn: () => undefined });
      try {
        expect(shows(stores.coordinator)).toEqual(what);
        expect(stores.coordinator.verifyAudit()).toMatchObject({ ok: true });
        // The mark beside it may be lost or late, never ahead.
        expect(stores.recovered).toBeUndefined();
      } finally {
        closeStores(stores);
      }
    });
  }
});
