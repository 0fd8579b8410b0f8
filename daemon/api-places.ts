/** Where the API is, and where it finds what it serves: the built page, wherever this build stands. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expiryProblem, readKeyPair } from '../api/certificate.ts';
import type { Api } from '../api/server.ts';
import type { ApiConfig, TlsFiles } from '../core/daemon-config.ts';

export function apiPlaces({ publicUrl, tls }: ApiConfig) {
  // Beside the compiled daemon, or in dist/ when it runs from its sources.
  const pageDirectory = ['../dashboard/', '../dist/dashboard/']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((directory) => existsSync(`${directory}assets`));
  return {
    ...(publicUrl === undefined ? {} : { publicUrl }),
    ...(tls === undefined ? {} : { tls }),
    ...(pageDirectory === undefined ? {} : { pageDirectory }),
  };
}

/** Why the certificate does not hold at that wall time, or soon will not. Errors: MenddError when the pair cannot be used. */
export function certificateProblem(files: TlsFiles, nowMs: number): string | undefined {
  return expiryProblem(readKeyPair(files), files.certificate, nowMs);
}

/** Errors: MenddError PORT_IN_USE, LISTEN_FAILED; then nothing listens. Answers the port, or the socket where there is none. */
export async function listenAt(
  api: Api,
  { listen, socket }: ApiConfig,
): Promise<{ host: string; port: number }> {
  try {
    const address = listen && (await api.listen(listen.host, listen.port));
    if (socket !== undefined) await api.listenOn(socket);
    return address ?? { host: `unix:${socket ?? ''}`, port: 0 };
  } catch (error) {
    await api.close();
    throw error;
  }
}
