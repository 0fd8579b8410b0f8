/** What `mendd status` says of all that holds actions back: a line each, with the command that answers it. */
import { undeliveredAfterMs } from '../core/now-view.ts';
import { quoteShell } from '../core/shell-quote.ts';
import type { NowAnswer } from './api-types.ts';
import { releaseOf } from './brake.ts';
import { seenText } from './gates.ts';
import type { Output } from './output.ts';
import { plain } from './plain-text.ts';
import { showAge, showDuration, showWhen } from './times.ts';

/** What waits for a person beside problems, the hardest first. */
export function restraintLines(out: Output, now: NowAnswer): string[] {
  const { automation, approvals, messages, registrations, heldInventories = [] } = now;
  const { quarantine, doubt, brakes, demoted } = automation;
  const line = (hue: 'bad' | 'warn', sign: string, text: string): string =>
    `  ${out.paint(hue, sign)} ${plain(text)}`;
  return [
    ...(quarantine === undefined
      ? []
      : [
          line(
            'bad',
            'LEDGER NOT TRUSTED',
            `${quarantine.text} Nothing acts until: mendd rearm --reason TEXT`,
          ),
        ]),
    ...approvals.map(({ host, action, command, expiresAt, id }) =>
      line(
        'bad',
        'MAY THIS RUN',
        `${action} on ${host}, until ${showWhen(expiresAt)}: ${command} · mendd approve ${word(id)}`,
      ),
    ),
    ...(doubt === undefined || doubt.cause === freshRound
      ? []
      : [
          line(
            'warn',
            'DOUBT',
            `${spaced(doubt.cause)} for ${showAge(doubt.since)} (${seenText(doubt)}): nothing acts; ends with ${doubt.opens}`,
          ),
        ]),
    ...undelivered(messages).map((text) => line('bad', 'NOT DELIVERED', text)),
    ...brakes
      .filter(({ on }) => on)
      .map((brake) => {
        const { scope, unhealthy, hosts, allowed } = brake;
        const figures = `${unhealthy} of ${hosts} unhealthy, at most ${allowed}, ${releaseOf(brake)}`;
        return line(
          'warn',
          'BRAKE ON',
          `${scope}: ${figures} · mendd brake release ${word(scope)} --reason TEXT`,
        );
      }),
    ...heldInventories.map(({ name, vanished, of, since }) =>
      line(
        'warn',
        'INVENTORY HELD',
        `${name}: ${vanished} of ${of} hosts vanished at once ${showAge(since)} ago, and are kept · mendd inventory accept ${word(name)} --reason TEXT`,
      ),
    ),
    ...(registrations === undefined || registrations.waiting === 0
      ? []
      : [
          line(
            'warn',
            'LET THEM IN?',
            `hosts that registered themselves and wait: ${registrations.waiting} (${namesText(registrations)}) · mendd registrations list`,
          ),
        ]),
    ...demoted.map(({ action, mode, reason }) =>
      line(
        'warn',
        'TRUST LOST',
        `${action} may at most ${mode}: ${reason} · mendd trust promote ${word(action)} --reason TEXT`,
      ),
    ),
  ];
}

function undelivered(messages: NowAnswer['messages']): string[] {
  const { dead = 0, waiting = 0, oldestWaitingMs = 0 } = messages ?? {};
  if (dead > 0) return [`messages: ${dead} · mendd notify outbox --status dead`];
  if (oldestWaitingMs <= undeliveredAfterMs) return [];
  const oldest = `messages that wait: ${waiting}, the oldest for ${showDuration(oldestWaitingMs)}`;
  return [`${oldest} · mendd notify outbox --status waiting`];
}

function namesText({ waiting, names }: NonNullable<NowAnswer['registrations']>): string {
  return names.join(', ') + (waiting > names.length ? ', …' : '');
}

const freshRound = 'fresh_round_pending';

/** What holds for now and needs nobody. */
export function passingLines({ automation: { doubt, brakes } }: NowAnswer): string[] {
  const released = brakes.flatMap(({ scope, state }) =>
    state?.released === undefined
      ? []
      : [plain(`the brake of ${scope} is released by ${state.released.by}: ${state.released.reason}`)],
  );
  return doubt?.cause === freshRound ? ['waits for fresh results before it acts', ...released] : released;
}

function spaced(text: string): string {
  return text.replaceAll('_', ' ');
}

/** One word of a command line to copy. */
function word(text: string): string {
  return quoteShell(text.replaceAll('\0', ''));
}
