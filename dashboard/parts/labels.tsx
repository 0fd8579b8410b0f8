/** The labels of a host; each leads to all hosts that have it. */

export function Labels({ labels }: { labels: Readonly<Record<string, string>> }) {
  return (
    <>
      {Object.entries(labels).map(([key, value]) => (
        <span key={key}>
          <a class="label" href={`/hosts?${new URLSearchParams({ label: `${key}=${value}` })}`}>
            {key}={value}
          </a>{' '}
        </span>
      ))}
    </>
  );
}
