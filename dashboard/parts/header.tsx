/** The head of the page: the verdict, how fresh it is, the automation switch and the ways to other views. */
import { freshness, now } from '../live/now-store.ts';
import { segments } from '../route.ts';
import { screens } from '../screens.ts';
import { span } from './words.ts';

function Freshness() {
  const state = freshness.value;
  if (state.kind === 'loading') return <span class="chip">◌ loading</span>;
  if (state.kind === 'live') return <span class="chip">● live · {span(state.ageMs)} ago</span>;
  return <span class="chip edge-bad">◌ stale · {span(state.ageMs)} old</span>;
}

export function Header() {
  const here = segments.value[0] ?? '';
  return (
    <header class="head">
      <a class="verdict" href="/">
        {now.value?.verdict.sentence ?? 'mendd'}
      </a>
      <Freshness />
      <nav aria-label="Views">
        {Object.entries(screens).map(([name, { title }]) =>
          title === undefined ? undefined : (
            <a key={name} href={`/${name}`} aria-current={name === here ? 'page' : undefined}>
              {title}
            </a>
          ),
        )}
      </nav>
    </header>
  );
}
