/** "Why?": what stops or drives the repair of one trouble at this moment, in the dialog. */
import { openDialog } from './dialog.tsx';
import { Explained } from './explained.tsx';

export function openWhy(host: string, check: string): void {
  openDialog(`Why? ${host} › ${check}`, () => <Explained host={host} check={check} />, true);
}
