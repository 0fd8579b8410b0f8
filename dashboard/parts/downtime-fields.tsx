/** When a downtime holds: at one time, from the first problem within a time, or whenever a schedule fires. */

export interface When {
  kind: 'fixed' | 'flexible' | 'recurring';
  /** Of this browser's clock; empty is at once. */
  from: string;
  /** Of a flexible one, from its first problem. */
  lasts: string;
  schedule: string;
  timezone: string;
}

export const atOnce: When = {
  kind: 'fixed',
  from: '',
  lasts: '1h',
  schedule: '',
  timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
};

const kinds: readonly { value: When['kind']; label: string }[] = [
  { value: 'fixed', label: 'Once' },
  { value: 'flexible', label: 'Once, from the first problem on' },
  { value: 'recurring', label: 'Again and again' },
];

/** As the API takes it; `span` is what was chosen as its length. */
export function windowOf({ kind, from, lasts, schedule, timezone }: When, span: string): object {
  if (kind === 'recurring') return { schedule: schedule.trim(), timezone: timezone.trim(), lasts: span };
  const begins = from === '' ? {} : { from: new Date(from).toISOString() };
  return { for: span, ...begins, ...(kind === 'flexible' ? { flexible: lasts.trim() } : {}) };
}

interface TextFieldProps {
  label: string;
  value: string;
  hint?: string;
  set: (value: string) => void;
}

function TextField({ label, value, hint, set }: TextFieldProps) {
  return (
    <label class="field">
      {label}
      <input
        value={value}
        {...(hint === undefined ? {} : { placeholder: hint })}
        autoComplete="off"
        autoCapitalize="off"
        spellcheck={false}
        maxLength={200}
        required
        onInput={({ currentTarget }) => set(currentTarget.value)}
      />
    </label>
  );
}

export function DowntimeFields({ when, change }: { when: When; change: (when: When) => void }) {
  const { kind, from, lasts, schedule, timezone } = when;
  return (
    <>
      <label class="field">
        When
        <select
          value={kind}
          onChange={({ currentTarget }) =>
            change({
              ...when,
              kind: kinds.find(({ value }) => value === currentTarget.value)?.value ?? 'fixed',
            })
          }
        >
          {kinds.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {kind === 'recurring' ? (
        <>
          <TextField
            label="Begins whenever this fires: minute hour day month weekday"
            value={schedule}
            hint="0 3 * * 0"
            set={(value) => change({ ...when, schedule: value })}
          />
          <TextField
            label="Time zone"
            value={timezone}
            set={(value) => change({ ...when, timezone: value })}
          />
        </>
      ) : (
        <label class="field">
          Begins (at once without it)
          <input
            type="datetime-local"
            value={from}
            onInput={({ currentTarget }) => change({ ...when, from: currentTarget.value })}
          />
        </label>
      )}
      {kind === 'flexible' ? (
        <TextField
          label="Lasts from the first problem in that time"
          value={lasts}
          hint="1h"
          set={(value) => change({ ...when, lasts: value })}
        />
      ) : undefined}
    </>
  );
}
