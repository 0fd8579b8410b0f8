/** Making a silence or a downtime: whom it is for, counted while it is typed, why, and until when. */
import { useRef, useState } from 'preact/hooks';
import { get, send } from '../http/client.ts';
import type { SuppressionAnswer } from '../http/wire-types.ts';
import { Act, openDialog } from './dialog.tsx';
import { atOnce, DowntimeFields, windowOf } from './downtime-fields.tsx';
import { Output } from './output.tsx';
import { problemWords } from './problem.tsx';
import { count } from './words.ts';

type Kind = 'silence' | 'downtime';

interface Coverage {
  hosts: number;
  checks: number;
  examples: { host: string; check: string }[];
  problem?: string;
}

interface Match {
  hosts: string;
  labels: string;
  checks: string;
}

const spans = [
  { value: '1h', label: '1 h' },
  { value: '4h', label: '4 h' },
  { value: '1d', label: '1 day' },
  { value: '7d', label: '1 week' },
];

const fields: readonly { name: keyof Match; label: string; hint: string }[] = [
  { name: 'hosts', label: 'Hosts: names and globs', hint: 'web-* !web-3' },
  { name: 'labels', label: 'Labels, all must hold', hint: 'role=web env=prod' },
  { name: 'checks', label: 'Checks; all without', hint: 'disk.*' },
];

function words(text: string): string[] {
  return text.split(/[\s,]+/).filter((word) => word !== '');
}

/** As the API takes it; what was left empty is not there. */
function bodyOf(match: Match): object {
  const [hosts, labels, checks] = [words(match.hosts), words(match.labels), words(match.checks)];
  return {
    ...(hosts.length === 0 ? {} : { hosts }),
    ...(labels.length === 0 ? {} : { labels: Object.fromEntries(labels.map(pairOf)) }),
    ...(checks.length === 0 ? {} : { checks }),
  };
}

function pairOf(entry: string): [string, string] {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

function queryOf(match: Match): string {
  const query = new URLSearchParams();
  for (const [name, text] of [
    ['host', match.hosts],
    ['label', match.labels],
    ['check', match.checks],
  ] as const)
    for (const word of words(text)) query.append(name, word);
  return query.toString();
}

async function previewOf(match: Match): Promise<Coverage | string> {
  const query = queryOf(match);
  if (query === '') return 'Say whom it is for; the host * is all.';
  const answer = await get<Coverage>(`/api/v1/coverage?${query}`);
  return answer.ok ? answer.value : problemWords(answer.problem);
}

export function openSilenceForm(kind: Kind, refresh: () => void, given: Partial<Match> = {}): void {
  openDialog(kind === 'silence' ? 'New silence' : 'New downtime', () => (
    <SilenceForm kind={kind} refresh={refresh} given={given} />
  ));
}

function SilenceForm({ kind, refresh, given }: { kind: Kind; refresh: () => void; given: Partial<Match> }) {
  const [match, setMatch] = useState<Match>({ hosts: '', labels: '', checks: '', ...given });
  const [preview, setPreview] = useState<Coverage | string>('Say whom it is for; the host * is all.');
  const [when, setWhen] = useState(atOnce);
  const newest = useRef(match);
  const change = async (next: Match): Promise<void> => {
    setMatch(next);
    newest.current = next;
    const found = await previewOf(next);
    // An answer to what was typed before must not stand under what is typed now.
    if (newest.current === next) setPreview(found);
  };
  return (
    <Act<SuppressionAnswer>
      reason="needed"
      spans={spans}
      confirm={kind === 'silence' ? 'Silence' : 'Announce the downtime'}
      run={async ({ reason, span }) => {
        const answer = await send<SuppressionAnswer>('POST', `/api/v1/${kind}s`, {
          match: bodyOf(match),
          reason,
          ...windowOf(when, span),
        });
        refresh();
        return answer;
      }}
      done={`The ${kind} holds.`}
    >
      {fields.map(({ name, label, hint }) => (
        <label key={name} class="field">
          {label}
          <input
            value={match[name]}
            placeholder={hint}
            autoComplete="off"
            autoCapitalize="off"
            spellcheck={false}
            maxLength={2_000}
            onInput={({ currentTarget }) => void change({ ...match, [name]: currentTarget.value })}
          />
        </label>
      ))}
      <Preview of={preview} />
      {kind === 'downtime' ? <DowntimeFields when={when} change={setWhen} /> : undefined}
    </Act>
  );
}

function Preview({ of }: { of: Coverage | string }) {
  if (typeof of === 'string')
    return (
      <p class="preview dim" role="status">
        {of}
      </p>
    );
  const more = of.checks - of.examples.length;
  return (
    <div class="preview" role="status">
      {of.problem === undefined ? (
        <p>
          <b>
            For {count(of.checks, 'check')} on {count(of.hosts, 'host')}
          </b>
          {of.examples.length === 0 ? '' : ': '}
          <Output text={of.examples.map(({ host, check }) => `${host} › ${check}`).join(', ')} class="dim" />
          {more > 0 ? <span class="dim"> and {more} more</span> : undefined}
        </p>
      ) : (
        <p class="bad">
          <Output text={of.problem} />
        </p>
      )}
    </div>
  );
}
