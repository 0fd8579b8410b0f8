/**
 * Owns the text of docs/configuration.md, made from the schema so that it names every key and no other.
 */
import { type JsonSchema, jsonSchema, schemaNames } from './json-schema.ts';

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
  silences/*.yaml          silences and downtimes: what nothing acts on, until when, and why
  plugins/                 executables with the Nagios plugin API, uploaded by content hash
\`\`\`

\`mendd validate\` checks all of it without a daemon and names each mistake as \`file:line:col: message\` with a hint.
\`mendd schema daemon\`, \`hosts\`, \`runbook\` and \`silences\` print JSON Schema for editors.

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
`;

const parts = {
  daemon: ['Daemon file', 'Every section is optional, and so is every key that has a default.'],
  hosts: [
    'Hosts files',
    'A range in a name makes many hosts: `web-[01:20]`, `web-[01:20:2]` (every second), `db-[a:c]`; both ends belong to it, and digits are padded as written. `{n}` in `address`, `user`, `jump` and labels is the value of the range; in an IP address it loses its zeros.',
  ],
  runbook: [
    'Runbooks',
    'A check has exactly one kind: `run`, `plugin`, `systemd_unit`, `tcp`, `http`, `disk`, `process` or `ping`. An action has exactly one of `run`, `systemd_restart`, `reboot`, `webhook` and `notify`, and one of `when`, which starts a ladder, `after`, which makes it the next rung of one, and `on_recovery`, which runs it once the trouble is over. `when: { host: down }` is the trouble of the host itself, which a runbook notices by its checks. Hooks of a reboot have MENDD_HOST, MENDD_ADDRESS and MENDD_RUN in their environment. A runbook that selects no host is an error.',
  ],
  silences: [
    'Silences files',
    'While a silence or a downtime covers a problem, nothing acts on it; it is checked and shown all the same. Times are RFC 3339, with `Z` or an offset. What covers no host is a warning, and what has ended too.',
  ],
} as const;

/** The whole file, ending with a newline. */
export function configurationReference(): string {
  const sections = schemaNames.map((which) => {
    const [title, text] = parts[which];
    return `\n## ${title}\n\n${text}\n${tables(jsonSchema(which))}`;
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
