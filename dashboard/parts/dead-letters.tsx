/** Messages to people that did not arrive: what they said, why they did not, and what a person can do about each. */
import { apiPath, send } from '../http/client.ts';
import { may } from '../http/session.ts';
import type { MessageAnswer, PageOf } from '../http/wire-types.ts';
import { refresh as refreshNow } from '../live/now-store.ts';
import { useResource } from '../live/resource.ts';
import { openView } from './dialog.tsx';
import { notify } from './notices.tsx';
import { Output } from './output.tsx';
import { problemWords } from './problem.tsx';
import { Reading } from './reading.tsx';
import { Rest } from './rest.tsx';
import { useSteady } from './steady.tsx';
import { At } from './time.tsx';
import { count } from './words.ts';

/** Those that were given up, or those that wait for another attempt. */
type Undelivered = 'dead' | 'waiting';

export function openUndelivered(status: Undelivered): void {
  openView(`undelivered/${status}`, 'Not delivered', () => <UndeliveredMessages status={status} />);
}

function UndeliveredMessages({ status }: { status: Undelivered }) {
  const found = useResource<PageOf<MessageAnswer>>(
    `/api/v1/messages?status=${status}&limit=100`,
    ({ type }) => type.startsWith('message.'),
  );
  const act: Act = async (id, verb, done) => {
    const answer = await send('POST', `${apiPath`/api/v1/messages/${id}`}/${verb}`, {});
    found.refresh();
    refreshNow();
    if (answer.ok) notify(done, 'ok');
    else notify(problemWords(answer.problem), 'warn');
  };
  return (
    <Reading of={found}>
      {(page) => (
        <>
          <Rest of={page} command={`mendd notify outbox --status ${status}`} />
          <Letters items={page.items} act={act} />
        </>
      )}
    </Reading>
  );
}

type Act = (id: string, verb: 'retry' | 'dismiss', done: string) => Promise<void>;

function Letters({ items, act }: { items: readonly MessageAnswer[]; act: Act }) {
  const steady = useSteady(items, ({ id }) => id);
  if (steady.items.length === 0) return <p class="dim">Nothing is left here.</p>;
  return (
    <>
      {steady.notice}
      <ul class="rows" {...steady.hold}>
        {steady.items.map(({ id, target, subject, createdAt, attempts, status, lastError = '' }) => (
          <li key={id} class="note edge-bad">
            <p>
              <b>{target}</b> <Output text={subject} limit={300} prose />{' '}
              <span class="dim">
                <At at={createdAt} />, {count(attempts, 'attempt')}
              </span>
            </p>
            <p class="bad">
              <Output text={lastError} limit={300} prose />
            </p>
            {may('act') ? (
              <div class="commands">
                <button type="button" onClick={() => void act(id, 'retry', 'It is sent again.')}>
                  Send again
                </button>
                {status === 'dead' ? (
                  <button type="button" onClick={() => void act(id, 'dismiss', 'It rests.')}>
                    Let it rest
                  </button>
                ) : undefined}
              </div>
            ) : undefined}
          </li>
        ))}
      </ul>
    </>
  );
}
