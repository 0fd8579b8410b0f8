/** Owns facts: what the variables of Automatron's templates are called in mendd, and the programs that tell them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PluginTexts } from './automatron-plugins.ts';
import { keyText, type Liquid } from './jinja-liquid.ts';
import { type YamlValue, yamlText } from './yaml-text.ts';

/** What Automatron's own vetting plugins tell. */
const shipped = ['hostname', 'os', 'kernel', 'network', 'services'];
const shippedPlugins = ['services.py', 'system_info.py', 'ping.sh'];

/** A vetting plugin of the user, and its text. */
interface Vetting {
  name: string;
  where: 'ontarget' | 'remote';
  text: string;
}

export class FactNames {
  readonly #vetting: readonly Vetting[];
  /** Names of sources that some template asks. */
  readonly #asked = new Set<string>();

  constructor(plugins: PluginTexts, directory: string | undefined) {
    this.#vetting = (['ontarget', 'remote'] as const).flatMap((where) =>
      namesIn(directory === undefined ? undefined : join(directory, 'vetting', where)).flatMap((file) => {
        const text = plugins.vetting(join(where, file));
        return text === undefined ? [] : [{ name: file, where, text }];
      }),
    );
  }

  /** `facts['x'].y` of Jinja2 as a path of Liquid. */
  readonly liquid = (root: string, keys: readonly (string | number)[]): Liquid => {
    const [first, ...rest] = keys;
    if (root !== 'facts')
      return { problem: `there is no variable \`${root}\`; Automatron has only \`facts\`` };
    if (typeof first !== 'string') return { problem: 'all facts at once cannot be said' };
    const source = this.#sourceOf(first);
    if (source === undefined)
      return { problem: `no vetting plugin that was found tells the fact \`${first}\`` };
    this.#asked.add(source);
    return { text: `facts.${source}${[first, ...rest].map(keyText).join('')}` };
  };

  #sourceOf(key: string): string | undefined {
    const word = new RegExp(String.raw`\b${key.replaceAll(/[^\w]/g, '.')}\b`);
    const own = this.#vetting.filter(({ name }) => !shippedPlugins.includes(name) || name === 'ping.sh');
    if (shipped.includes(key)) return 'automatron';
    const found = own.find(({ text }) => word.test(text));
    return found === undefined ? undefined : sourceName(found.name);
  }

  /** Vetting plugins of the user that no template asks. */
  unasked(): string[] {
    return this.#vetting
      .filter(({ name }) => !shippedPlugins.includes(name) && !this.#asked.has(sourceName(name)))
      .map(({ name, where }) => `${where}/${name}`);
  }

  /** facts/automatron.yaml and the programs it names, for what templates ask. */
  files(): Map<string, string> {
    const files = new Map<string, string>();
    const sources: Record<string, YamlValue> = {};
    if (this.#asked.has('automatron')) {
      files.set('plugins/facts/automatron', automatronFacts);
      sources['automatron'] = { plugin: 'automatron', hosts: ['*'], every: '10m' };
    }
    for (const { name, where, text } of this.#vetting) {
      const source = sourceName(name);
      if (!this.#asked.has(source) || sources[source] !== undefined) continue;
      // On the ops box Automatron gave the address as the first argument; mendd puts it into the environment.
      files.set(`plugins/facts/${source}`, where === 'remote' ? withAddress(text) : text);
      const runOn = where === 'remote' ? { run_on: 'local' } : {};
      sources[source] = { plugin: source, hosts: ['*'], every: '10m', ...runOn };
    }
    if (files.size > 0) {
      const head =
        'Facts that the imported runbooks ask for: programs in plugins/facts/ that print one JSON object.';
      files.set('facts/automatron.yaml', yamlText(head, { facts: sources }));
    }
    return files;
  }
}

function sourceName(file: string): string {
  const name = file.replace(/\.\w+$/, '').replaceAll(/\W+/g, '_');
  return /^[A-Za-z]/.test(name) && name !== 'automatron' ? name : `vetting_${name}`;
}

function namesIn(directory: string | undefined): string[] {
  if (directory === undefined) return [];
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.'))
      .sort()
      .slice(0, 200);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return [];
  }
}

function withAddress(text: string): string {
  const mark = 'END_OF_PLUGIN';
  return `#!/bin/sh
# Written at import: runs a vetting plugin of Automatron with the address of the host as its argument.
plugin=$(mktemp) || exit 1
trap 'rm -f "$plugin"' EXIT
cat >"$plugin" <<'${mark}'
${text.trimEnd()}
${mark}
chmod 700 "$plugin"
"$plugin" "$MENDD_ADDRESS"
`;
}

/** Tells what system_info.py and services.py told, without Python. */
const automatronFacts = `#!/bin/sh
# The facts that Automatron's own vetting plugins told: hostname, os, kernel, network, services.
text() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\\000-\\037' | sed 's/[\\\\"]/\\\\&/g')"; }

network() {
  { ls /sys/class/net 2>/dev/null; ip -o addr show 2>/dev/null | awk '{ print $2, $3, $4 }'; } | awk '
    { gsub(/["\\\\]/, "") }
    !($1 in seen) { seen[$1] = 1; names[++count] = $1 }
    $2 == "inet" || $2 == "inet6" {
      split($3, address, "/")
      key = $1 "," $2
      list[key] = list[key] (list[key] == "" ? "" : ",") "\\"" address[1] "\\""
    }
    END {
      printf "{"
      for (i = 1; i <= count; i++)
        printf "%s\\"%s\\":{\\"v4\\":[%s],\\"v6\\":[%s]}", (i > 1 ? "," : ""), names[i], list[names[i] ",inet"], list[names[i] ",inet6"]
      printf "}"
    }'
}

services() {
  systemctl list-units --type=service --all --plain --no-legend --no-pager 2>/dev/null | awk '
    BEGIN { printf "{" }
    $1 ~ /\\.service$/ {
      sub(/\\.service$/, "", $1)
      gsub(/["\\\\]/, "", $1)
      printf "%s\\"%s\\":\\"%s\\"", (count++ ? "," : ""), $1, $4
    }
    END { printf "}" }'
}

printf '{"hostname":%s,"os":%s,"kernel":%s,"network":%s,"services":%s}\\n' \\
  "$(text "$(uname -n)")" "$(text "$(uname -s)")" "$(text "$(uname -r)")" "$(network)" "$(services)"
`;
