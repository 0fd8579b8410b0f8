// Loaded into the measured daemon with `--import`: replaces its runner, and nothing else, by simulated-runner.mjs.
import { register } from 'node:module';

const hooks = `
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  if (!found.url.endsWith('/runner/runner.js')) return found;
  return { ...found, url: ${JSON.stringify(new URL('simulated-runner.mjs', import.meta.url).href)} };
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
