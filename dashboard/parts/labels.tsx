/** The labels of a host; each leads to all hosts that have it. */
import { Output } from './output.tsx';

/** Characters of one. */
const labelLimit = 120;

export function Labels({ labels }: { labels: Readonly<Record<string, string>> }) {
  return (
    <>
      {Object.entries(labels).map(([key, value]) => (
        <span key={key}>
          <a class="label" href={`/hosts?${new URLSearchParams({ label: `${key}=${value}` })}`}>
            <Output prose text={`${key}=${value}`} limit={labelLimit} />
          </a>{' '}
        </span>
      ))}
    </>
  );
}
