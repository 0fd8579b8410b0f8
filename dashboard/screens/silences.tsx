/** What people have laid upon actions: silences, downtimes and acknowledgements; making the first two, ending any. */
import { may } from '../http/session.ts';
import type { PageOf, SuppressionAnswer } from '../http/wire-types.ts';
import { useResource } from '../live/resource.ts';
import { Filters, queryOf } from '../parts/filters.tsx';
import { Reading } from '../parts/reading.tsx';
import { Rest } from '../parts/rest.tsx';
import { openSilenceForm } from '../parts/silence-form.tsx';
import { SuppressionRows } from '../parts/suppression-rows.tsx';

export function Screen() {
  const found = useResource<PageOf<SuppressionAnswer>>(
    `/api/v1/suppressions?${queryOf(['kind', 'host'], { limit: '500' })}`,
    (event) => event.type.startsWith('suppression.') || event.type === 'definitions.reloaded',
  );
  return (
    <section>
      <header class="title">
        <h1>Silences and downtimes</h1>
        {may('ack') ? (
          <>
            <button type="button" class="primary" onClick={() => openSilenceForm('silence', found.refresh)}>
              New silence…
            </button>
            <button type="button" onClick={() => openSilenceForm('downtime', found.refresh)}>
              New downtime…
            </button>
          </>
        ) : undefined}
      </header>
      <p class="dim">While one of these holds, nothing acts on what it is for. Checks go on.</p>
      <Filters
        of={[
          {
            kind: 'choice',
            name: 'kind',
            label: 'Kind',
            choices: ['', 'silence', 'downtime', 'acknowledgement'].map((value) => ({
              value,
              label: value === '' ? 'all' : value,
            })),
          },
          { kind: 'text', name: 'host', label: 'For the host' },
        ]}
      />
      <Reading of={found}>
        {(page) =>
          page.items.length === 0 ? (
            <p class="dim">Nothing is silenced.</p>
          ) : (
            <>
              <SuppressionRows items={page.items} refresh={found.refresh} />
              <Rest of={page} command="mendd silence list; mendd downtime list; mendd ack" />
            </>
          )
        }
      </Reading>
    </section>
  );
}
