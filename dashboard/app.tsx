/** The frame around every screen: the verdict, how fresh it is, the automation, where one can go. */
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect } from 'preact/hooks';
import { mustSignIn, session } from './http/session.ts';
import { isStale, now, trouble } from './live/now-store.ts';
import { Alarms } from './parts/alarms.tsx';
import { DialogHost } from './parts/dialog.tsx';
import { Header, Person } from './parts/header.tsx';
import { Notices } from './parts/notices.tsx';
import { ProblemNote } from './parts/problem.tsx';
import { Since } from './parts/time.tsx';
import { path, segments } from './route.ts';
import { Screen as SignIn } from './screens/sign-in.tsx';
import { type ScreenProps, screens } from './screens.ts';
import { nextTheme, theme } from './theme.ts';

type Loaded =
  | { kind: 'loading' }
  | { kind: 'screen'; name: string; Screen: ComponentType<ScreenProps> }
  | { kind: 'missing' }
  | { kind: 'failed' };

const loaded = signal<Loaded>({ kind: 'loading' });

async function load(name: string): Promise<void> {
  const entry = screens[name];
  if (entry === undefined) {
    loaded.value = { kind: 'missing' };
    return;
  }
  try {
    const found = entry.load();
    if (!(found instanceof Promise)) {
      loaded.value = { kind: 'screen', name, Screen: found.Screen };
      return;
    }
    loaded.value = { kind: 'loading' };
    const { Screen } = await found;
    if ((segments.peek()[0] ?? '') === name) loaded.value = { kind: 'screen', name, Screen };
  } catch (error) {
    // Another version of mendd has other files.
    if (!(error instanceof TypeError)) throw error;
    loaded.value = { kind: 'failed' };
  }
}

function Content() {
  const [name = '', ...names] = segments.value;
  useEffect(() => void load(name), [name]);
  useEffect(() => {
    // A new view begins at its heading, for those who hear it.
    if (document.activeElement === document.body)
      document.querySelector<HTMLElement>('main')?.focus({ preventScroll: true });
  }, [path.value]);
  // The screen before is still loaded when the path is already another's.
  const current =
    loaded.value.kind === 'screen' && loaded.value.name !== name
      ? ({ kind: 'loading' } as const)
      : loaded.value;
  if (current.kind === 'screen') return <current.Screen key={name} names={names} />;
  if (current.kind === 'loading') return <p class="dim">Loading…</p>;
  if (current.kind === 'missing')
    return (
      <section>
        <h1>Nothing here</h1>
        <p>
          There is no page at <code>{path.value}</code>. <a href="/">Back to Now</a>
        </p>
      </section>
    );
  return (
    <section>
      <h1>Another version of mendd</h1>
      <p>
        This part of the page could not be loaded; mendd was probably updated.{' '}
        <button type="button" onClick={() => location.reload()}>
          Load the page again
        </button>
      </p>
    </section>
  );
}

function Definitions() {
  const definitions = now.value?.definitions;
  if (definitions === undefined) return null;
  return (
    <a href="/definitions">
      definitions {(definitions.commit ?? definitions.revision).slice(0, 12)}, loaded{' '}
      <Since at={definitions.loadedAt} /> ago
    </a>
  );
}

export function App() {
  const isSigningIn = mustSignIn.value || path.value === '/sign-in';
  const notRead = now.value === undefined && !isSigningIn ? trouble.value : undefined;
  return (
    <div class={isStale.value ? 'page is-stale' : 'page'}>
      <a class="skip" href="#content">
        To the content
      </a>
      <Header />
      <main id="content" tabIndex={-1}>
        {isSigningIn ? undefined : <Alarms />}
        {notRead === undefined ? undefined : <ProblemNote problem={notRead} />}
        {isSigningIn ? <SignIn /> : <Content />}
      </main>
      <footer class="foot dim">
        <span>mendd {session.value?.version ?? ''}</span>
        <Definitions />
        <Person />
        <button type="button" class="quiet" onClick={nextTheme}>
          Colours: {theme.value}
        </button>
      </footer>
      <DialogHost />
      <Notices />
    </div>
  );
}
