/** Where the page is: the path and the filters of its URL as signals, and how links and filters change them. */
import { computed, signal } from '@preact/signals';

interface Place {
  path: string;
  filters: URLSearchParams;
}

function here(): Place {
  return { path: location.pathname, filters: new URLSearchParams(location.search) };
}

const place = signal<Place>(here());

export const path = computed(() => place.value.path);
export const filters = computed(() => place.value.filters);

/** `/hosts/web-1` -> `['hosts', 'web-1']` */
export const segments = computed(() =>
  path.value
    .split('/')
    .filter((part) => part !== '')
    .map(decoded),
);

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    // A path that somebody typed; it will name nothing.
    if (error instanceof URIError) return part;
    throw error;
  }
}

/** Opens another view, or shows the part of it that a `#name` behind it names. */
export function go(href: string): void {
  if (href === location.pathname + location.search + location.hash) return;
  history.pushState(null, '', href);
  place.value = here();
  const part = document.getElementById(location.hash.slice(1));
  if (part === null) scrollTo(0, 0);
  else part.scrollIntoView();
}

/** Of this view, with that filter or without it. */
export function hrefWith(name: string, value: string | undefined): string {
  const query = new URLSearchParams(filters.value);
  if (value === undefined) query.delete(name);
  else query.set(name, value);
  return query.size === 0 ? path.value : `${path.value}?${query}`;
}

/** Changes filters of this view, empty ones are left out. Typing makes no history. */
export function setFilters(changes: Readonly<Record<string, string | undefined>>): void {
  const next = new URLSearchParams(place.value.filters);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === '') next.delete(name);
    else next.set(name, value);
  }
  const query = next.size === 0 ? '' : `?${next}`;
  history.replaceState(null, '', location.pathname + query);
  place.value = here();
}

/** `link('hosts', 'web 1')` -> `/hosts/web%201` */
export function link(...names: string[]): string {
  return `/${names.map(encodeURIComponent).join('/')}`;
}

/** Lets links of the page open without loading it again. Modified clicks and other targets are the browser's. */
export function startRouting(): void {
  addEventListener('popstate', () => {
    place.value = here();
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = event.target instanceof Element ? event.target.closest('a') : null;
    if (anchor === null || anchor.target !== '' || anchor.hasAttribute('download')) return;
    if (anchor.origin !== location.origin || anchor.pathname.startsWith('/api/')) return;
    if (anchor.pathname === location.pathname && anchor.search === location.search && anchor.hash !== '')
      return;
    event.preventDefault();
    go(anchor.pathname + anchor.search + anchor.hash);
  });
}
