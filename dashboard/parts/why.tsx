/** "Why?": asks the daemon what stops or drives the repair of one trouble at this moment, and shows it in the dialog. */
import type { ExplainedAnswer } from '../http/wire-types.ts';
import { useResource } from '../live/resource.ts';
import { openDialog } from './dialog.tsx';
import { Explained } from './explained.tsx';
import { Reading } from './reading.tsx';

function Why({ host, check }: { host: string; check: string }) {
  const query = new URLSearchParams({ host, check });
  const answer = useResource<ExplainedAnswer>(`/api/v1/explain?${query}`, (event) => event.host === host);
  return <Reading of={answer}>{(value) => <Explained answer={value} />}</Reading>;
}

export function openWhy(host: string, check: string): void {
  openDialog(`Why? ${host} › ${check}`, () => <Why host={host} check={check} />, true);
}
