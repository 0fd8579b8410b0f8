/** Finds a host or a check by a part of its name and opens it. */
import { useEffect, useState } from 'preact/hooks';
import { get } from '../http/client.ts';
import type { HostAnswer, PageOf } from '../http/wire-types.ts';
import { now } from '../live/now-store.ts';
import { go, link } from '../route.ts';
import { closeDialog, openDialog } from './dialog.tsx';
import { hostState } from './host-state.ts';
import { markOf } from './marks.ts';
import { shortName } from './words.ts';

interface Found {
  href: string;
  name: string;
  state: string;
}

const most = 16;
/** Of those that the page knows already; room is left for what the daemon finds. */
const mostKnown = 8;
/** From the last key to the question. Milliseconds. */
const waitMs = 150;

/** Checks with a problem, and the hosts the page knows: at once, without a question. */
function known(text: string): Found[] {
  const view = now.value;
  if (view === undefined) return [];
  const checks = view.worst
    .filter(({ host, check }) => `${host} ${check}`.toLowerCase().includes(text))
    .map(({ host, check, status }) => ({
      href: link('incidents', host, check),
      name: `${host} › ${shortName(check)}`,
      state: status.state,
    }));
  const hosts = view.fleet.hosts
    .filter(({ name }) => name.toLowerCase().includes(text))
    .map(({ name, state }) => ({ href: link('hosts', name), name, state: state as string }));
  return [...checks, ...hosts].slice(0, mostKnown);
}

/** The page knows the worst hosts; the daemon knows all. */
async function asked(text: string): Promise<Found[]> {
  const glob = text.replaceAll(/[^a-z0-9_.:*?-]/gi, '?');
  const [hosts, checks] = await Promise.all([
    get<PageOf<HostAnswer>>(`/api/v1/hosts?limit=${most}&host=${encodeURIComponent(`*${glob}*`)}`),
    get<PageOf<{ host: string; check: string; status: { state: string } }>>(
      `/api/v1/checks?limit=${most}&fields=host,check,status&check=${encodeURIComponent(`*${glob}*`)}`,
    ),
  ]);
  return [
    ...(hosts.ok ? hosts.value.items : []).map((host) => ({
      href: link('hosts', host.name),
      name: host.name,
      state: hostState(host),
    })),
    ...(checks.ok ? checks.value.items : []).map(({ host, check, status }) => ({
      href: link('incidents', host, check),
      name: `${host} › ${shortName(check)}`,
      state: status.state,
    })),
  ];
}

function open(href: string | undefined): void {
  if (href === undefined) return;
  closeDialog();
  go(href);
}

function Search() {
  const [text, setText] = useState('');
  const [more, setMore] = useState<readonly Found[]>([]);
  const [at, setAt] = useState(0);
  const wanted = text.trim().toLowerCase();
  useEffect(() => {
    if (wanted === '') return undefined;
    let isOver = false;
    const timer = setTimeout(() => {
      void asked(text.trim()).then((found) => {
        if (!isOver) setMore(found);
      });
    }, waitMs);
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [wanted]);
  const found = wanted === '' ? known('') : [...known(wanted), ...more];
  const items = [...new Map(found.map((each) => [each.href, each])).values()].slice(0, most);
  const step = (by: number): void => setAt(Math.max(0, Math.min(items.length - 1, at + by)));
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        open(items[at]?.href);
      }}
    >
      <input
        type="text"
        role="combobox"
        aria-label="Part of the name of a host or a check"
        aria-expanded={items.length > 0}
        aria-controls="search-results"
        aria-activedescendant={items.length > 0 ? `search-${at}` : undefined}
        autoComplete="off"
        autoCapitalize="off"
        spellcheck={false}
        autoFocus
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setMore([]);
          setAt(0);
        }}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
          event.preventDefault();
          step(event.key === 'ArrowDown' ? 1 : -1);
        }}
      />
      <ul id="search-results" role="listbox" aria-label="Found">
        {items.map(({ href, name, state }, index) => {
          const mark = markOf(state);
          return (
            <li
              key={href}
              id={`search-${index}`}
              role="option"
              aria-selected={index === at}
              onClick={() => open(href)}
              onPointerMove={() => setAt(index)}
            >
              <span class={mark.tone} aria-hidden="true">
                {mark.sign}
              </span>{' '}
              {name} <span class="dim">{mark.word}</span>
            </li>
          );
        })}
      </ul>
      {items.length === 0 ? <p class="dim">Nothing of that name.</p> : undefined}
    </form>
  );
}

export function openSearch(): boolean {
  openDialog('Search', () => <Search />);
  return true;
}
