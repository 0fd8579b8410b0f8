/** "Why?": what stops or drives the repair of one trouble at this moment, in the dialog. */
import { openView } from './dialog.tsx';
import { Explained } from './explained.tsx';

export function openWhy(host: string, check: string): void {
  openView(`why/${host}/${check}`, `Why? ${host} › ${check}`, () => <Explained host={host} check={check} />);
}
