/** Light, dark, or what the system says: the reader's choice, kept in this browser. */
import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const key = 'mendd-theme';
const themes: readonly Theme[] = ['system', 'light', 'dark'];

function kept(): Theme {
  try {
    return themes.find((each) => each === localStorage.getItem(key)) ?? 'system';
  } catch (error) {
    // A browser may forbid keeping anything.
    if (error instanceof DOMException) return 'system';
    throw error;
  }
}

export const theme = signal<Theme>(kept());

export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'system';
  try {
    localStorage.setItem(key, theme.value);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

export function startTheme(): void {
  effect(() => {
    const { dataset } = document.documentElement;
    if (theme.value === 'system') delete dataset['theme'];
    else dataset['theme'] = theme.value;
  });
}
