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
};
