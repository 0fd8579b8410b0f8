/**
 * Owns the text of docs/configuration.md, made from the schema so that it names every key and no other.
 */
import { documentedSchema, type JsonSchema, type SchemaName, schemaNames } from './json-schema.ts';

type Row = [key: string, value: string, defaultValue: string, what: string];

const introduction = `# Configuration

Made from the schema; to change it, change the descriptions in config/ and run
\`npx vitest run --project unit test/config/reference.test.ts -u\`.

mendd reads one daemon file and a directory of definitions:

\`\`\`
mendd.yaml                 the daemon: store, ssh, api, notify, limits, where the definitions are
definitions/
  hosts/*.yaml             hosts and their labels; all files together are one map
  runbooks/**/*.yaml       one runbook each: which hosts, which checks, which actions
  checks/*.yaml            shared checks that runbooks \`use\`
  actions/*.yaml           shared actions that runbooks \`use\`
  facts/*.yaml             programs that tell facts about hosts
  silences/*.yaml          silences and downtimes: what nothing acts on, until when, and why
  plugins/                 executables with the Nagios plugin API, uploaded by content hash
  plugins/facts/           executables that print facts as JSON
  inventories/             what \`inventories\` of hosts files names: files and programs
\`\`\`

\`mendd validate\` checks all of it without a daemon and names each mistake as \`file:line:col: message\` with a hint.
\`mendd schema daemon\` and the like (\`hosts\`, \`runbook\`, \`checks\`, \`actions\`, \`facts\`, \`silences\`) print JSON Schema for
editors.

## Rules for every file

- YAML 1.2 in UTF-8, at most 1 MiB and 64 levels, one document. \`yes\`, \`no\`, \`on\` and \`off\` are text.
- Unknown keys are errors, and so are keys of later versions. Keys that begin with \`x-\` are free at the top of a file,
  for anchors; \`<<\` merges maps.
- Durations have units: \`500ms\`, \`30s\`, \`5m\`, \`1h30m\`, \`7d\`. A bare number is an error.
- Limits are \`3 per 1h\`, rates \`50/s\`, percentages \`80%\`. Percentages are rounded towards fewer actions.
- Paths are relative to the file that names them; \`~/\` is the home directory.
- Secrets are references: \`\${cred:NAME}\` (a systemd credential), \`\${file:/path}\`, \`\${env:NAME}\`. A key file must be
  readable by its owner only.
- Maps merge across hosts files and lists append; a value set twice is an error that names both places.

## Templates

Values of checks and actions, a runbook's \`every\`, \`hosts\`, \`enabled\` and the like, and \`labels\`, \`vars\`, \`address\` and \`user\` of
hosts may be templates in [Liquid](https://liquidjs.com): \`{{ name | filter }}\` and \`{% if name == "x" %}...{% endif %}\`. A file is
read first and its values are rendered one by one for each host after that, so nothing that a host tells can become YAML or a template.

| Name | What |
| --- | --- |
| \`facts\` | what the host tells: built-in facts such as \`facts.os.id\`, and those of facts files by their name |
| \`host\` | \`host.name\`, \`host.address\`, \`host.port\`, \`host.user\` |
| \`labels\`, \`vars\` | those of the host |
| \`check\`, \`action\` | \`name\` and \`id\` of the check or action itself |
| \`params\` | in shared checks and actions: what \`with\` gives |

- A name without a value is an error; \`| default: "x"\` gives it one. A list needs \`| join: " "\`.
- The value is judged after it is rendered: \`every: "{{ vars.interval }}"\` must make a duration. A number or \`true\` is one where one is
  needed.
- In commands (\`run\`, \`before\`, hooks of a reboot) each \`{{ }}\` becomes exactly one word, whatever is in it. It stands bare: inside quotes,
  after \`<<\`, \`eval\` and \`sh -c\`, and where some shells count (\`$(( ))\`, \`[[ ]]\`) it is refused. Write \`"a "{{ x }}" b"\`, or set it in \`env\` and write \`"$NAME"\`.
- Text of other programs that looks like a template stands between \`{% raw %}\` and \`{% endraw %}\`.
- \`when\` of a runbook or a check and \`only_if\` of an action are conditions without braces: \`facts.os.id == "debian" and facts.cpus > 4\`.
  Where one does not hold, the thing does not exist on that host. No comparison with a fact that is not known holds, \`!=\` and \`not\`
  neither; a label or variable that is absent is empty. One condition joins with \`and\` or with \`or\`, not with both.
- What a host has not told yet keeps a check UNKNOWN, with the reason, and its action and the rungs after it from acting; people are told
  all the same. What can never be known is an error at its place in the file.

## Which value a host gets

What a host says itself wins over its inventory, that over groups, those over the \`defaults\` of the file, and those over the daemon file.
\`labels\` and \`vars\` merge key by key, maps in \`vars\` too. Two groups that disagree are an error, unless something stronger says it.
\`defaults\` are for the hosts and inventories of their own file, \`groups\` for those of all. \`mendd hosts --explain NAME\` tells where
each value comes from.
`;

const parts = {
  daemon: ['Daemon file', 'Every section is optional, and so is every key that has a default.'],
  hosts: [
    'Hosts files',
    'A range in a name makes many hosts: `web-[01:20]`, `web-[01:20:2]` (every second), `db-[a:c]`; both ends belong to it, and digits are padded as written. `{n}` in `address`, `user`, `jump` and labels is the value of the range; in an IP address it loses its zeros.',
  ],
  runbook: [
    'Runbooks',
    'A check has exactly one kind: `run`, `plugin`, `systemd_unit`, `tcp`, `http`, `disk`, `process`, `ping`, or one of `passive` and `alert`, which are never asked: others tell of them, and one problem is enough to make them hard (`max_attempts: 1`). An action has exactly one of `run`, `systemd_restart`, `reboot`, `webhook` and `notify`, and one of `when`, which starts a ladder, `after`, which makes it the next rung of one, and `on_recovery`, which runs it once the trouble is over. `when: { host: down }` is the trouble of the host itself, which a runbook notices by its checks. Hooks of a reboot have MENDD_HOST, MENDD_ADDRESS and MENDD_RUN in their environment. A runbook that selects no host is an error.',
  ],
  checks: [
    'Shared checks',
    'Under `checks`, by name, with the keys of a check in a runbook and `params`: a map of parameters and what each is without `with`, nothing where it must be given. A runbook takes one with `use: name` and `with: { ... }`; keys beside `use` win over its own. Its values are judged where they are used.',
  ],
  actions: [
    'Shared actions',
    'Under `actions`, by name, with the keys of an action in a runbook and `params`, as for shared checks.',
  ],
  facts: [
    'Facts files',
    'A program prints one JSON object, at most 64 KiB and 16 levels, and leaves with exit code 0; otherwise what it told last stays, with the problem beside it.',
  ],
  silences: [
    'Silences files',
    'While a silence or a downtime covers a problem, nothing acts on it; it is checked and shown all the same. Times are RFC 3339, with `Z` or an offset. What covers no host is a warning, and what has ended too.',
  ],
} as const;

/** Their keys are those of checks and actions in runbooks. */
const alike: readonly SchemaName[] = ['checks', 'actions'];

/** The whole file, ending with a newline. */
export function configurationReference(): string {
  const sections = schemaNames.map((which) => {
    const [title, text] = parts[which];
    return `\n## ${title}\n\n${text}\n${alike.includes(which) ? '' : tables(documentedSchema(which))}`;
  });
  return `${introduction}${sections.join('')}`;
}

/** One table for the plain keys at the top, one for each section below. */
function tables(schema: JsonSchema): string {
  const entries = Object.entries(schema.properties ?? {});
  const required = schema.required ?? [];
  const plain = entries.filter(([, each]) => !isSection(each));
  const rows = plain.flatMap(([key, each]) => rowsOf(key, each, required.includes(key)));
  const top = rows.length === 0 ? '' : table(rows);
  const sections = entries
    .filter(([, each]) => isSection(each))
    .map(([key, each]) => {
      const { path, schema: inner } = innermost(key, each);
      const nested = inner.required ?? [];
      const keys = Object.entries(inner.properties ?? {});
      const text = `${each.description ?? ''}${required.includes(key) ? ' Required.' : ''}`;
      return `\n### \`${path}\`\n\n${text}\n${table(keys.flatMap(([name, one]) => rowsOf(name, one, nested.includes(name))))}`;
    });
  return `${top}${sections.join('')}`;
}

/** Columns are padded as the formatter of this project does it. */
function table(rows: readonly Row[]): string {
  const all: Row[] = [['key', 'value', 'default', 'what'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const [head = '', ...body] = all.map((row) =>
    line(row.map((cell, column) => cell.padEnd(widths[column] ?? 0))),
  );
  const rule = line(widths.map((width) => '-'.repeat(width)));
  return `\n${[head, rule, ...body].join('\n')}\n`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** A map with keys of its own, or of things by name that have such. */
function isSection(schema: JsonSchema): boolean {
  return innermost('', schema).schema.properties !== undefined && schema.anyOf === undefined;
}

function innermost(path: string, schema: JsonSchema): { path: string; schema: JsonSchema } {
  const each = schema.additionalProperties;
  if (schema.properties !== undefined || typeof each !== 'object') return { path, schema };
  return { path: `${path}.NAME`, schema: each.anyOf?.find((one) => one.properties !== undefined) ?? each };
}

function rowsOf(path: string, schema: JsonSchema, required: boolean): Row[] {
  const what = escape(schema.description ?? '');
  const own: Row = [`\`${path}\``, escape(valueWords(schema)), defaultWords(schema, required), what];
  const [inner, below] = schema.items === undefined ? [schema, path] : [schema.items, `${path}[]`];
  const keys = inner.anyOf?.find((each) => each.properties !== undefined) ?? inner;
  const nested = Object.entries(keys.properties ?? {}).flatMap(([key, each]) =>
    rowsOf(`${below}.${key}`, each, (keys.required ?? []).includes(key)),
  );
  return [own, ...nested];
}

function defaultWords({ default: value }: JsonSchema, required: boolean): string {
  if (required) return 'required';
  if (value === undefined || (typeof value === 'object' && value !== null && !Array.isArray(value)))
    return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function valueWords(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(valueWords))].join(' or ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((each) => `\`${each}\``).join(' or ');
  if (schema.type === 'array') return `list of ${valueWords(schema.items ?? {})}`;
  if (schema.type === 'object') {
    const each = schema.additionalProperties;
    return typeof each === 'object' ? `map of ${valueWords(each)}` : 'map';
  }
  if (schema.type === 'integer') return `${schema.minimum} to ${schema.maximum}`;
  if (schema.type === 'boolean') return '`true` or `false`';
  const example = schema.examples?.[0];
  return example === undefined ? 'text' : `text such as \`${example}\``;
}

function escape(text: string): string {
  return text.replaceAll('|', '\\|');
}
