/** The filters of a list. They stand in the URL, so that what is found can be sent to somebody. */
import { filters, setFilters } from '../route.ts';

export interface TextFilter {
  kind: 'text';
  name: string;
  label: string;
  hint?: string;
}

export interface ChoiceFilter {
  kind: 'choice';
  name: string;
  label: string;
  /** '' is all. */
  choices: readonly { value: string; label: string }[];
}

export interface FlagFilter {
  kind: 'flag';
  name: string;
  label: string;
}

export type Filter = TextFilter | ChoiceFilter | FlagFilter;

/** A change of any begins the list anew. */
function set(name: string, value: string): void {
  setFilters({ [name]: value, cursor: undefined, until: undefined });
}

export function Filters({ of }: { of: readonly Filter[] }) {
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      {of.map((each) => (
        <label key={each.name} class={each.kind === 'flag' ? 'flag' : 'field'}>
          <span>{each.label}</span>
          <Field filter={each} />
        </label>
      ))}
    </form>
  );
}

function Field({ filter }: { filter: Filter }) {
  const value = filters.value.get(filter.name) ?? '';
  if (filter.kind === 'choice')
    return (
      <select value={value} onChange={({ currentTarget }) => set(filter.name, currentTarget.value)}>
        {filter.choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    );
  if (filter.kind === 'flag')
    return (
      <input
        type="checkbox"
        checked={value === '1'}
        onChange={({ currentTarget }) => set(filter.name, currentTarget.checked ? '1' : '')}
      />
    );
  return (
    <input
      type="search"
      value={value}
      autoComplete="off"
      autoCapitalize="off"
      spellcheck={false}
      {...(filter.hint === undefined ? {} : { placeholder: filter.hint })}
      // Not at each key: half a name finds nothing.
      onChange={({ currentTarget }) => set(filter.name, currentTarget.value.trim())}
    />
  );
}

/** Part of an API query: the filters of the URL that are set. */
export function queryOf(names: readonly string[], fixed: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(fixed);
  for (const name of names) {
    const value = filters.value.get(name);
    if (value !== null && value !== '') query.set(name, value);
  }
  return query.toString();
}
