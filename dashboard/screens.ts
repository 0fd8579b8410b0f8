/** Which screen a path shows. A screen is loaded when it is first opened; Now is in the first chunk. */
import type { ComponentType } from 'preact';
import { Screen as NowScreen } from './screens/now.tsx';

export interface ScreenProps {
  /** What follows the first word of the path. */
  names: readonly string[];
}

export interface ScreenModule {
  Screen: ComponentType<ScreenProps>;
}

export interface ScreenEntry {
  /** In the navigation and the title; not there: no link leads to it. */
  title?: string;
  load: () => Promise<ScreenModule> | ScreenModule;
}

/** By the first word of the path. */
export const screens: Readonly<Record<string, ScreenEntry>> = {
  '': { title: 'Now', load: () => ({ Screen: NowScreen }) },
  hosts: { title: 'Hosts', load: () => import('./screens/hosts.tsx') },
  runs: { title: 'Runs', load: () => import('./screens/runs.tsx') },
  approvals: { title: 'Approvals', load: () => import('./screens/approvals.tsx') },
  silences: { title: 'Silences', load: () => import('./screens/silences.tsx') },
  definitions: { title: 'Definitions', load: () => import('./screens/definitions.tsx') },
  incidents: { load: () => import('./screens/incident.tsx') },
};
