/** Where the API finds what it serves and says that it is: the built page, wherever this build stands, and the public address. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ApiConfig } from '../core/daemon-config.ts';

export function apiPlaces({ publicUrl }: ApiConfig): { publicUrl?: string; pageDirectory?: string } {
  // Beside the compiled daemon, or in dist/ when it runs from its sources.
  const pageDirectory = ['../dashboard/', '../dist/dashboard/']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((directory) => existsSync(`${directory}assets`));
  return {
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(pageDirectory === undefined ? {} : { pageDirectory }),
  };
}
