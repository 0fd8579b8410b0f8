/** Owns reading the options of a command line as getopt does, for those commands whose options are known here. */

/** Long names by the letter they stand for; `:` after a letter in `letters` means a value, `::` one that is joined to it. */
export interface OptionSpec {
  letters: string;
  long: Readonly<Record<string, string>>;
  /** This letter takes every word that follows. */
  rest?: string;
}

export interface ReadOptions {
  /** Values by letter, in order; an option without a value has ''. */
  values: ReadonlyMap<string, readonly string[]>;
  words: readonly string[];
}

/** Undefined when an option is not known. */
export function readOptions(words: readonly string[], spec: OptionSpec): ReadOptions | undefined {
  const values = new Map<string, string[]>();
  const others: string[] = [];
  const put = (letter: string, value: string): void => {
    values.set(letter, [...(values.get(letter) ?? []), value]);
  };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const option = optionOf(word, spec);
    if (option === undefined) return undefined;
    if (option === 'word') {
      others.push(word);
      continue;
    }
    for (const { letter, takes, joined } of option) {
      if (letter === spec.rest) {
        const rest = joined === undefined ? words.slice(at + 1) : [joined, ...words.slice(at + 1)];
        for (const each of rest) put(letter, each);
        return { values, words: others };
      }
      if (takes === 'value' && joined === undefined) {
        at += 1;
        if (at >= words.length) return undefined;
        put(letter, words[at] ?? '');
      } else {
        put(letter, joined ?? '');
      }
    }
  }
  return { values, words: others };
}

interface OneOption {
  letter: string;
  takes: 'nothing' | 'value' | 'joined';
  joined?: string;
}

function optionOf(word: string, spec: OptionSpec): OneOption[] | 'word' | undefined {
  const [, name, joined] = /^--([\w-]+)(?:=([\s\S]*))?$/.exec(word) ?? [];
  if (name !== undefined) {
    const letter = spec.long[name];
    const takes = letter === undefined ? undefined : takesOf(letter, spec);
    if (letter === undefined || takes === undefined) return undefined;
    return [{ letter, takes, ...(joined === undefined ? {} : { joined }) }];
  }
  if (!/^-./.test(word)) return 'word';
  const found: OneOption[] = [];
  for (let at = 1; at < word.length; at += 1) {
    const letter = word[at] ?? '';
    const takes = takesOf(letter, spec);
    if (takes === undefined) return undefined;
    const rest = word.slice(at + 1);
    if (takes === 'nothing') {
      found.push({ letter, takes });
      continue;
    }
    found.push({ letter, takes, ...(rest === '' ? {} : { joined: rest }) });
    break;
  }
  return found;
}

function takesOf(letter: string, { letters }: OptionSpec): OneOption['takes'] | undefined {
  const at = letters.indexOf(letter);
  if (at === -1 || letter === ':') return undefined;
  if (letters.startsWith('::', at + 1)) return 'joined';
  return letters[at + 1] === ':' ? 'value' : 'nothing';
}
