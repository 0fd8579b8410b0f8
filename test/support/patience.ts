/** Of every test file: what is waited for may come late on a busy machine; a deadline costs nothing while all is well. */
import { vi } from 'vitest';

const { waitFor } = vi;

vi.waitFor = (check, options = {}) =>
  waitFor(check, { timeout: 30_000, ...(typeof options === 'number' ? { timeout: options } : options) });
