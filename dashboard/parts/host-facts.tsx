/** What a host tells of itself and how old that is, and which file says each value of its definition. */
import { apiPath } from '../http/client.ts';
import { useResource } from '../live/resource.ts';
import { Output } from './output.tsx';
import { Reading } from './reading.tsx';
import { span } from './words.ts';

interface Facts {
  sources: {
    name: string;
    values: Record<string, unknown>;
    heardAt?: string;
    ageMs?: number;
    everyMs: number;
    problem?: string;
    warnings: string[];
  }[];
}

interface Origins {
  values: { key: string; value: unknown; from: string }[];
}

/** Characters of one name, and of one value. */
const [nameLimit, valueLimit] = [200, 500];

/** `{ os: { id: 'debian' } }` -> `os.id debian`: as templates name them. */
export function flat(value: unknown, name = ''): [string, string][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return [[name, typeof value === 'string' ? value : JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, each]) => flat(each, name === '' ? key : `${name}.${key}`));
}

export function HostFacts({ host }: { host: string }) {
  const facts = useResource<Facts>(
    apiPath`/api/v1/hosts/${host}/facts`,
    (event) => event.type === 'facts.changed' && event.host === host,
  );
  return (
    <section aria-labelledby="facts-title">
      <h2 id="facts-title">Facts</h2>
      <Reading of={facts}>
        {({ sources }) =>
          sources.length === 0 ? (
            <p class="dim">It is not asked about itself.</p>
          ) : (
            sources.map((source) => <Source key={source.name} source={source} />)
          )
        }
      </Reading>
    </section>
  );
}

function Source({ source }: { source: Facts['sources'][number] }) {
  const { name, ageMs, everyMs, problem, warnings } = source;
  const age = ageMs === undefined ? 'never heard' : `${span(ageMs)} old`;
  return (
    <details class="more">
      <summary>
        {name}: {age}, asked every {span(everyMs)}
        {problem === undefined ? '' : ' · ▲ the newest attempt failed'}
      </summary>
      {[...(problem === undefined ? [] : [problem]), ...warnings].map((text) => (
        <p key={text} class="note edge-warn">
          <Output text={text} />
        </p>
      ))}
      <Values rows={flat(source.values)} />
    </details>
  );
}

function Values({ rows }: { rows: readonly (readonly [string, string])[] }) {
  if (rows.length === 0) return <p class="dim">Nothing.</p>;
  return (
    <dl class="facts">
      {rows.map(([key, value]) => (
        <div key={key}>
          <dt>
            <Output prose text={key} limit={nameLimit} />
          </dt>
          <dd>
            <Output text={value} limit={valueLimit} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function HostOrigin({ host }: { host: string }) {
  const origins = useResource<Origins>(
    apiPath`/api/v1/hosts/${host}/origin`,
    (event) => event.type === 'definitions.reloaded',
  );
  return (
    <section aria-labelledby="origin-title">
      <h2 id="origin-title">Where its values come from</h2>
      <Reading of={origins}>
        {({ values }) => (
          <details class="more">
            <summary>{values.length} values</summary>
            <dl class="facts">
              {values.map(({ key, value, from }) => (
                <div key={`${key} ${from}`}>
                  <dt>
                    <Output prose text={key} limit={nameLimit} />
                  </dt>
                  <dd>
                    <Output
                      text={typeof value === 'string' ? value : JSON.stringify(value)}
                      limit={valueLimit}
                    />{' '}
                    <span class="dim">
                      from <Output text={from} />
                    </span>
                  </dd>
                </div>
              ))}
            </dl>
          </details>
        )}
      </Reading>
    </section>
  );
}
