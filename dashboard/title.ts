/** Keeps the title, the icon and what screen readers are told in step with the verdict. */
import { effect } from '@preact/signals';
import { freshness, now } from './live/now-store.ts';
import { announce } from './parts/notices.tsx';
import { segments } from './route.ts';
import { screens } from './screens.ts';
import { iconOf, sentenceOf, signOf, verdictOf } from './verdict.ts';

function iconLink(): HTMLLinkElement {
  const link = document.createElement('link');
  link.rel = 'icon';
  document.head.append(link);
  return link;
}

export function startTitle(): void {
  const icon = iconLink();
  let said = '';
  effect(() => {
    const verdict = verdictOf(now.value, freshness.value);
    const [name = '', ...names] = segments.value;
    const place = [...names.toReversed(), screens[name]?.title ?? ''].filter(
      (part) => part !== '' && part !== 'Now',
    );
    const tone = verdict?.tone ?? 'calm';
    const isStale = freshness.value.kind === 'stale';
    const sentence = verdict === undefined ? '' : `${isStale ? 'stale, was: ' : ''}${sentenceOf(verdict)}`;
    const title = [...place, `${signOf(tone)} ${sentence}`.trim(), 'mendd'].join(' · ');
    if (document.title !== title) document.title = title;
    const href = iconOf(tone);
    if (icon.getAttribute('href') !== href) icon.href = href;
    if (said !== '' && said !== sentence) announce(isStale ? 'What this page shows is stale.' : sentence);
    said = sentence;
  });
}
