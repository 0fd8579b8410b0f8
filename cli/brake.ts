/** `mendd brake`: the automatic stop of the fleet and of each group; shown with its figures, released by a person. */
import type { Command } from 'commander';
import type { BrakeRow } from './api-types.ts';
import {
  type ApiOptions,
  addCommand,
  openSession,
  withApi,
  withChange,
  withReason,
  withTag,
} from './command.ts';
import type { Column } from './output.ts';
import { plain } from './plain-text.ts';
import { showDuration, showInstant, showWhen } from './times.ts';

export function addBrake(program: Command): void {
  const brake = addCommand(program, 'brake', 'the automatic stop on mass failure: show it, release it', [
    'brake',
    "brake release role=web --reason 'the switch is back, they heal'",
  ]);
  const list = addCommand(brake, 'list', 'the brake of the fleet and of each group', ['brake list'], {
    isDefault: true,
  });
  withApi(list).action(async (options: ApiOptions) => {
    const { client, out } = await openSession(options);
    const rows = await client.list<BrakeRow>('/api/v1/brakes');
    rows.sort((a, b) => Number(b.on) - Number(a.on));
    out.list('brakes', rows, brakeColumns, 'No brake is configured: `remediation.brake` of the daemon file.');
  });
  const release = addCommand(
    brake,
    'release <scope>',
    'let actions go on in spite of the trouble; it comes on again only after it was below',
    [
      "brake release fleet --reason 'known: half the fleet is being replaced'",
      "brake release fleet --tag 5e0f… --reason 'the switch is back'   # of the list: that one and no later one",
    ],
  );
  withReason(withTag(withChange(release))).action(async (scope: string, options: ReleaseOptions) => {
    const { client, out } = await openSession(options);
    const { reason, tag } = options;
    const path = `/api/v1/brakes/${encodeURIComponent(scope)}/release`;
    const released = await client.post<BrakeRow>(path, { reason }, tag);
    out.value(released, () => [`The brake of ${plain(released.scope)} is released; actions may run.`]);
  });
}

interface ReleaseOptions extends ApiOptions {
  reason: string;
  tag?: string;
}

export const brakeColumns: readonly Column<BrakeRow>[] = [
  { title: 'BRAKE', cell: stateOf, hue: ({ on }) => (on ? 'bad' : undefined) },
  { title: 'SCOPE', cell: ({ scope }) => scope },
  { title: 'UNHEALTHY', cell: ({ unhealthy, hosts }) => `${unhealthy} of ${hosts}` },
  { title: 'ALLOWED', cell: ({ allowed }) => String(allowed) },
  { title: 'SINCE', cell: ({ state }) => (state === undefined ? '' : showInstant(state.since)) },
  { title: 'TAG', cell: ({ on, tag }) => (on ? tag : '') },
  { title: 'ABOUT', cell: aboutBrake },
];

function stateOf({ on, state }: BrakeRow): string {
  if (on) return 'ON';
  return state?.released === undefined ? 'off' : 'released';
}

function aboutBrake({ on, state, ...how }: BrakeRow): string {
  if (state === undefined) return '';
  const { cause, released, unhealthy, hosts } = state;
  if (released !== undefined) return `by ${released.by} at ${showInstant(released.at)}: ${released.reason}`;
  const began = `${cause.replaceAll('_', ' ')}, came on at ${unhealthy} of ${hosts}`;
  return on ? `${began}; ${releaseOf(how)}` : began;
}

/** What takes a brake off that is on. */
export function releaseOf({
  releasesAt,
  releasesAfterMs,
}: Pick<BrakeRow, 'releasesAt' | 'releasesAfterMs'>): string {
  if (releasesAt !== undefined) return `releases itself at ${showWhen(releasesAt)}`;
  if (releasesAfterMs === undefined) return 'a person releases it';
  return `releases itself once below for ${showDuration(releasesAfterMs)}`;
}
