/** Starts the page. */
import { render } from 'preact';
import { App } from './app.tsx';
import { loadSession } from './http/session.ts';
import { startKeyboard } from './keyboard.ts';
import { startKeys } from './keys.ts';
import { startLive } from './live/now-store.ts';
import { startAttention } from './parts/attention.ts';
import { startRouting } from './route.ts';
import { startTheme } from './theme.ts';
import { startTitle } from './title.ts';

startTheme();
startRouting();
startKeyboard();
startKeys();
startAttention();
startLive();
startTitle();
void loadSession();
const place = document.getElementById('page');
if (place !== null) render(<App />, place);
