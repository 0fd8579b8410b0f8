/** The ways from one page of a list that goes back in time to the others; `?until=` of the view says where a page begins. */
import { filters, hrefWith } from '../route.ts';

interface PagerProps {
  /** Where the next page begins; not there on the last. */
  older: string | undefined;
  /** Id of what is shown first afterwards; the top of the view without it. */
  part?: string;
}

export function Pager({ older, part }: PagerProps) {
  const hash = part === undefined ? '' : `#${part}`;
  return (
    <nav class="pager" aria-label="Pages">
      {filters.value.get('until') === null ? undefined : (
        <a href={hrefWith('until', undefined) + hash}>Newest</a>
      )}
      {older === undefined ? undefined : <a href={hrefWith('until', older) + hash}>Older</a>}
    </nav>
  );
}
