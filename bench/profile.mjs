// Where the time goes: a CPU profile by folder and function, and as a flame graph.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawFlames } from './flames.mjs';
import { table } from './report.mjs';

const root = new URL('..', import.meta.url);
const mostFunctions = 20;

/** `profile` as the inspector protocol has it, to be opened with the developer tools of a browser. */
export function writeProfile(profile, file) {
  writeFileSync(file, JSON.stringify(profile));
  console.error(`written: ${file}`);
}

/** Two tables; for `write` also the flame graph. Idle time is left out of all shares. */
export function describeProfile(profile) {
  const selfUs = selfTimes(profile);
  const busy = profile.nodes.filter(({ callFrame }) => callFrame.functionName !== '(idle)');
  const totalUs = busy.reduce((sum, { id }) => sum + selfUs.get(id), 0);
  const share = (us) => `${((us * 100) / totalUs).toFixed(1)}%`;
  const spanSec = (profile.endTime - profile.startTime) / 1e6;
  const above = callers(profile);
  const place = (node) => placeOf(node.callFrame, above(node));
  const groups = group(busy, selfUs, place);
  const functions = group(busy, selfUs, (node) => `\`${nameOf(node.callFrame)}\` | ${place(node)}`);
  const markdown = [
    table(
      ['', 'share'],
      groups.filter(([, us]) => us / totalUs >= 0.005).map(([name, us]) => [name, share(us)]),
    ),
    '',
    table(
      ['function', 'of', 'share'],
      functions.slice(0, mostFunctions).map(([name, us]) => [name, share(us)]),
    ),
    '',
    `Own time in the main thread, which was at work for ${(totalUs / 1e6).toFixed(1)} s of ${spanSec.toFixed(0)} s (waiting for a core included); a sample each 0.5 ms.`,
    '',
    '![Flame graph: what called what, as wide as its time](flames.svg)',
  ].join('\n');
  const svg = () => drawFlames(profile, selfUs, { nameOf: (node) => nameOf(node.callFrame), placeOf: place });
  return { markdown, writeFlames: () => writeFlames(svg()) };
}

/**
 * Part of the busy samples that work for the transport: the nearest frame of mendd or of ssh2 decides, and without one that of
 * Node.js's own sockets. From 0 to 1.
 */
export function movableShare(profile) {
  const selfUs = selfTimes(profile);
  const above = callers(profile);
  let [all, movable] = [0, 0];
  for (const node of profile.nodes) {
    if (node.callFrame.functionName === '(idle)') continue;
    const urls = [node.callFrame, ...above(node)].map(({ url }) => url);
    const ours = urls.find((url) => /\/dist\/|\/node_modules\//.test(url));
    const isOurs = ours !== undefined && /\/dist\/runner\/|\/node_modules\/ssh2\//.test(ours);
    const isSocket =
      ours === undefined && urls.some((url) => /^node:(net|internal\/stream_base_commons)$/.test(url));
    all += selfUs.get(node.id);
    if (isOurs || isSocket) movable += selfUs.get(node.id);
  }
  return movable / all;
}

function writeFlames(svg) {
  const file = new URL('docs/flames.svg', root);
  writeFileSync(file, svg);
  console.error(`written: ${fileURLToPath(file)}`);
}

/** Tells the call frames above a node, nearest first. */
function callers({ nodes }) {
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node])));
  return (node) => {
    const frames = [];
    for (let at = parents.get(node.id); at !== undefined; at = parents.get(at.id)) frames.push(at.callFrame);
    return frames;
  };
}

/** Node id -> microseconds in that function itself. */
function selfTimes({ nodes, samples, timeDeltas }) {
  const times = new Map(nodes.map(({ id }) => [id, 0]));
  for (const [i, id] of samples.entries()) times.set(id, times.get(id) + Math.max(0, timeDeltas[i]));
  return times;
}

function group(nodes, selfUs, keyOf) {
  const sums = new Map();
  for (const node of nodes) sums.set(keyOf(node), (sums.get(keyOf(node)) ?? 0) + selfUs.get(node.id));
  return [...sums].sort(([, a], [, b]) => b - a);
}

function nameOf({ functionName, url, lineNumber }) {
  return functionName === '' ? `(anonymous) ${url.split('/').at(-1)}:${lineNumber + 1}` : functionName;
}

/** Folder of mendd, package, or part of Node.js; for native code whom it works for, by the frames above it, nearest first. */
function placeOf({ functionName, url }, above) {
  const ofPackage = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1];
  if (ofPackage !== undefined) return ofPackage;
  const folder = /\/dist\/([^/]+)\//.exec(url)?.[1];
  if (folder !== undefined) return `mendd ${folder}/`;
  if (url.startsWith('node:')) return 'Node.js';
  if (functionName.startsWith('(')) return functionName.slice(1, -1);
  const caller = above.findIndex((frame) => frame.url !== '');
  if (caller === -1) return 'native code';
  return `native code for ${placeOf(above[caller], [])}`;
}
