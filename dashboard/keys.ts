/** The keys that work on every view. */
import { bindKeys } from './keyboard.ts';
import { toggleAutomation } from './parts/automation.tsx';
import { openHelp } from './parts/help.tsx';
import { pressOnRow, walk } from './parts/row.tsx';
import { openSearch } from './parts/search.tsx';

const rowKeys = [
  ['Enter', 'Open the row'],
  ['a', 'Approve, release, re-arm or look'],
  ['x', 'Reject, cancel or end'],
  ['c', 'Acknowledge'],
  ['s', 'Silence'],
  ['r', 'Check now'],
  ['e', 'Why? Each gate and what it saw'],
] as const;

export function startKeys(): void {
  bindKeys([
    { key: 'j', does: 'Next row', run: () => walk(1) },
    { key: 'k', does: 'Row before', run: () => walk(-1) },
    ...rowKeys.map(([key, does]) => ({ key, does, run: () => pressOnRow(key) })),
    { key: 'P', does: 'Pause all actions, or resume', run: toggleAutomation },
    { key: '/', does: 'Search hosts and checks', run: openSearch },
    { key: '?', does: 'This help', run: openHelp },
  ]);
}
