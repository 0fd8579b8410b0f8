/**
 * Finds the daemon file, and reads from it the few keys that commands need beside a running daemon. It judges no definitions.
 */
import { existsSync, readFileSync } from 'node:fs';
import { type Problem, ProblemList, sortProblems } from '../config/problems.ts';
import type { DaemonFile } from '../config/resolve-daemon.ts';
import { MenddError } from '../core/errors.ts';
import type { DaemonPlace } from './client.ts';
import { usageError } from './exit.ts';

/** Where it is looked for when nobody says where it is. */
const usualPlaces = ['mendd.yaml', '/etc/mendd/mendd.yaml'];

const usualApi = 'http://127.0.0.1:8420';

/** Errors: CONFIG_MISSING. */
export function findDaemonFile(named: string | undefined): string {
  if (named !== undefined) {
    if (existsSync(named)) return named;
    throw new MenddError('CONFIG_MISSING', `There is no daemon file at ${named}.`);
  }
  const found = usualPlaces.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new MenddError(
    'CONFIG_MISSING',
    `There is no daemon file: neither ./${usualPlaces.join(' nor ')} exists.`,
  );
}

/**
 * Where the API is: as told, else where the daemon file says, else at the usual address. Errors: 64, 77, CONFIG_MISSING; those of the
 * daemon file when its api section cannot be read, since what is asked must not reach another daemon.
 */
export async function apiPlace(options: {
  api?: string;
  config?: string;
  ca?: string;
}): Promise<DaemonPlace> {
  const ca = options.ca === undefined ? {} : { ca: readAuthority(options.ca) };
  if (options.api !== undefined) return { base: readBase(options.api), ...ca };
  const file = options.config ?? usualPlaces.find((path) => existsSync(path));
  if (file === undefined) return { base: usualApi, ...ca };
  const { api, problems } = await readDaemonKeys(findDaemonFile(file));
  if (api === undefined) {
    const { refusalOf } = await import('../daemon/load.ts');
    throw refusalOf(problems);
  }
  const { listen, socket, tls, public_url: publicUrl } = api;
  if (listen === 'none') {
    if (socket !== undefined) return { base: `unix:${socket}` };
    throw new MenddError(
      'DEFINITIONS_INVALID',
      `${file}: \`api.listen\` is \`none\`, and there is no \`api.socket\`.`,
    );
  }
  const address = `${reachable(listen.host)}:${listen.port}`;
  if (tls === undefined) return { base: `http://${address}` };
  const name = publicUrl === undefined ? {} : { name: new URL(publicUrl).hostname };
  return { base: `https://${address}`, ...ca, ...name };
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`--ca: ${(error as Error).message}.`, 'Give a readable file with certificates in PEM.');
  }
}

function readBase(text: string): string {
  if (/^unix:\/[^\0\n]+$/.test(text)) return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol))
    return (url.origin + url.pathname).replace(/\/+$/, '');
  throw usageError(
    `--api: \`${text}\` is no address.`,
    `Write for example ${usualApi} or unix:/run/mendd-api/api.sock.`,
  );
}

/**
 * The sections of the daemon file that are right in themselves: broken definitions must not keep anybody from looking at the
 * daemon that runs with the ones before.
 */
export async function readDaemonKeys(
  file: string,
): Promise<DaemonFile['parts'] & { problems: readonly Problem[] }> {
  const { readDaemonAlone } = await import('../config/read.ts');
  const list = new ProblemList();
  const parts = readDaemonAlone(file, list)?.parts ?? {};
  return { ...parts, problems: sortProblems(list.problems) };
}

/** An address to listen on is not always one to connect to. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}
