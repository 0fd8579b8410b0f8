/** Owns the programs in the plugins directory of Automatron: which files checks need, and how actions run theirs. */
import { readFileSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { quoteWord } from './automatron-shell.ts';
import { looksSecret } from './literal-text.ts';

const bytesLimit = 1024 * 1024;
/** Of a script that is written into an action; `run` takes 65,536 characters. */
const scriptLimit = 60_000;

export class PluginTexts {
  /** What goes into plugins/, by name. */
  readonly files = new Map<string, string>();
  readonly #directory: string | undefined;

  constructor(directory: string | undefined) {
    this.#directory = directory;
  }

  /** The name under which a check finds it; `tell` is called when its file has to be brought by hand. */
  check(name: string, tell: (message: string, hint: string) => void): string {
    const flat = flatName(name);
    const text = this.#read('checks', name);
    if (typeof text === 'string') this.files.set(flat, text);
    else tell(`the plugin ${name} ${text.problem}`, `copy it to definitions/plugins/${flat}`);
    return flat;
  }

  /** A program of facts, copied as it is. */
  vetting(name: string): string | undefined {
    const text = this.#read('vetting', name);
    return typeof text === 'string' ? text : undefined;
  }

  /** The command that does what the plugin did: its text is given to its interpreter, since only checks upload files. */
  action(name: string, args: string): { run: string; missing?: string } {
    const text = this.#read('actions', name);
    const path = quoteWord(join('/opt/automatron/plugins/actions', normalize(`/${name}`)));
    const bare = args === '' ? path : `${path} ${args}`;
    if (typeof text !== 'string') return { run: bare, missing: `the plugin ${name} ${text.problem}` };
    const start = interpreterOf(text);
    const mark = 'END_OF_PLUGIN';
    if (
      start === undefined ||
      text.length > scriptLimit ||
      /END_OF_PLUGIN|endraw|\0/.test(text) ||
      looksSecret(text)
    )
      return { run: bare, missing: `the plugin ${name} is no short script, so an action cannot hold it` };
    const body = /\{[{%]/.test(text) ? `{% raw %}${text.trimEnd()}{% endraw %}` : text.trimEnd();
    return { run: `${start}${args === '' ? '' : ` ${args}`} <<'${mark}'\n${body}\n${mark}\n` };
  }

  #read(kind: string, name: string): string | { problem: string } {
    if (this.#directory === undefined) return { problem: 'was not found: there is no plugins directory' };
    const path = join(this.#directory, kind, normalize(`/${name}`));
    try {
      if (statSync(path).size > bytesLimit) return { problem: 'is larger than 1 MiB' };
      const bytes = readFileSync(path);
      const text = bytes.toString('utf8');
      if (text.includes('\0') || !Buffer.from(text, 'utf8').equals(bytes)) return { problem: 'is no text' };
      return text;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      return { problem: `was not found (${code})` };
    }
  }
}

/** Names of plugins have no directories in mendd. */
function flatName(name: string): string {
  const flat = name.replaceAll(/[^A-Za-z0-9._+-]+/g, '_').replace(/^[^A-Za-z0-9]+/, '');
  return flat === '' ? 'plugin' : flat.slice(0, 128);
}

/** The interpreter of the first line, told to read the script from its input. */
function interpreterOf(text: string): string | undefined {
  const [, path, argument] = /^#!\s*(\S+)(?:[ \t]+(\S+))?/.exec(text) ?? [];
  const program = path?.endsWith('/env') === true ? argument : path?.split('/').at(-1);
  if (program === undefined) return undefined;
  if (/^(ba|da|k|z)?sh$/.test(program)) return `${program} -s --`;
  return /^(python[\d.]*|perl|ruby)$/.test(program) ? `${program} -` : undefined;
}
