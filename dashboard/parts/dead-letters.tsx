/** Messages to people that were given up: what they said, why they did not arrive, and what a person can do about each. */
import { apiPath, send } from '../http/client.ts';
import { may } from '../http/session.ts';
import type { MessageAnswer, PageOf } from '../http/wire-types.ts';
import { refresh as refreshNow } from '../live/now-store.ts';
import { useResource } from '../live/resource.ts';
import { openDialog } from './dialog.tsx';
import { notify } from './notices.tsx';
import { Output } from './output.tsx';
import { problemWords } from './problem.tsx';
import { Reading } from './reading.tsx';
import { At } from './time.tsx';
import { count } from './words.ts';

export function openDeadLetters(): void {
  openDialog('Not delivered', () => <DeadLetters />, true);
}

function DeadLetters() {
  const found = useResource<PageOf<MessageAnswer>>('/api/v1/messages?status=dead&limit=100', ({ type }) =>
    type.startsWith('message.'),
  );
  const act = async (id: string, verb: 'retry' | 'dismiss', done: string): Promise<void> => {
    const answer = await send('POST', `${apiPath`/api/v1/messages/${id}`}/${verb}`, {});
    found.refresh();
    refreshNow();
    if (answer.ok) notify(done, 'ok');
    else notify(problemWords(answer.problem), 'warn');
  };
  return (
    <Reading of={found}>
      {({ items }) =>
        items.length === 0 ? (
          <p class="dim">Nothing is left here.</p>
        ) : (
          <ul class="rows">
            {items.map(({ id, target, subject, createdAt, attempts, lastError = '' }) => (
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
                    <button type="button" onClick={() => void act(id, 'dismiss', 'It rests.')}>
                      Let it rest
                    </button>
                  </div>
                ) : undefined}
              </li>
            ))}
          </ul>
        )
      }
    </Reading>
  );
}
