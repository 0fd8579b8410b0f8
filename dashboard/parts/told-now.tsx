/** Who is being told of a trouble at this moment, or why not yet; also in a message about several hosts, which no host's list has. */
import { apiPath } from '../http/client.ts';
import type { RouteAnswer } from '../http/wire-types.ts';
import { useResource } from '../live/resource.ts';
import { useHeld } from './attention.ts';
import { At } from './time.tsx';
import { plain } from './words.ts';

export function ToldNow({ host, check }: { host: string; check: string }) {
  const found = useResource<RouteAnswer>(
    apiPath`/api/v1/notify/route/${host}/${check}`,
    (event) => event.host === host || event.type.startsWith('message.'),
  );
  const told = (found.data.value?.ladders ?? []).flatMap((ladder) => ladder.told);
  // One conversation may be about several ladders.
  const shown = useHeld([...new Map(told.map((each) => [`${each.target} ${each.route}`, each])).values()]);
  if (shown.length === 0) return null;
  return (
    <ul class="plain">
      {shown.map(({ target, route, since, hold }) => (
        <li key={`${target} ${route}`}>
          <b>{target}</b>{' '}
          {typeof since === 'string' ? (
            <>
              ✉ is told since <At at={since} />
            </>
          ) : (
            '◌ is not told yet'
          )}
          , by the route {route}
          {hold === undefined ? '' : `; held: ${plain(hold)}`}
        </li>
      ))}
    </ul>
  );
}
