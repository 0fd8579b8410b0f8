/** `mendd import`: definitions from the files of other tools, with a report by line of what could not be carried over. */
import type { Command } from 'commander';
import { formatProblem } from '../config/problems.ts';
import { exitCodes } from '../core/errors.ts';
import type {
  ImportError,
  Imported,
  Importer,
  ImportNote,
  ImportOptions,
  NoteLevel,
} from '../import/report.ts';
import { countWords } from '../import/report.ts';
import { addCommand, type OutputOptions, withOutput } from './command.ts';
import { CommandError } from './exit.ts';
import type { Hue } from './output.ts';
import { Output } from './output.ts';
import { daemonFile } from './scaffold.ts';

interface Source {
  name: string;
  summary: string;
  examples: readonly string[];
  /** Flags and words of the options that this importer takes. */
  options?: readonly (readonly [flags: string, description: string])[];
  load: () => Promise<Importer>;
}

const sources: readonly Source[] = [
  {
    name: 'automatron',
    summary: 'runbooks, hosts and logins of Automatron',
    examples: ['import automatron /etc/automatron --out ops', 'import automatron ./config/runbooks'],
    load: async () => (await import('../import/automatron.ts')).importAutomatron,
  },
  {
    name: 'nagios',
    summary: 'hosts, services and commands of Nagios Core 3 and 4 or Icinga 1',
    examples: ['import nagios /etc/nagios4/nagios.cfg --out ops', 'import nagios ./objects --nrpe nrpe.cfg'],
    options: [['--nrpe <file>', 'nrpe.cfg: what the names that check_nrpe calls stand for']],
    load: async () => (await import('../import/nagios.ts')).importNagios,
  },
  {
    name: 'ansible',
    summary: 'hosts, groups and variables of an Ansible inventory',
    examples: ['import ansible /etc/ansible/hosts --out ops', 'import ansible ./ec2.py --keep'],
    options: [
      ['--keep', 'read the inventory where it is, from time to time, in place of writing its hosts down'],
    ],
    load: async () => (await import('../import/ansible.ts')).importAnsible,
  },
  {
    name: 'monit',
    summary: 'services, tests and restarts of Monit control files',
    examples: ['import monit /etc/monit/monitrc --host web-1 --out ops', 'import monit ./monitrc'],
    options: [['--host <name>', 'the machine the file is for (default: the ops box itself)']],
    load: async () => (await import('../import/monit.ts')).importMonit,
  },
];

interface RunOptions extends OutputOptions, ImportOptions {
  out?: string;
}

export function addImport(program: Command): void {
  const summary = 'bring definitions over from another tool, with a report by line';
  const examples = sources.flatMap((source) => source.examples.slice(0, 1));
  const parent = addCommand(program, 'import', summary, examples);
  for (const source of sources) {
    const command = addCommand(parent, `${source.name} <path>`, source.summary, source.examples);
    withOutput(command).option(
      '--out <directory>',
      `new or empty directory (default: ./${source.name}-import)`,
    );
    for (const [flags, description] of source.options ?? []) command.option(flags, description);
    command.action((path: string, options: RunOptions) => run(source, path, options));
  }
}

async function run(
  source: Source,
  path: string,
  { out: directory, output, ...options }: RunOptions,
): Promise<void> {
  const importer = await source.load();
  const { writeImported } = await import('../import/write.ts');
  const target = directory ?? `${source.name}-import`;
  const told = tellingWhere(() => {
    const imported = importer(path, options);
    const written = writeImported(imported, {
      directory: target,
      from: path,
      daemonFile: daemonFile('agent'),
    });
    return { imported, written };
  });
  await tell(target, told.imported, told.written, new Output(output));
}

function tellingWhere<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ImportError') throw error;
    const { message, hint } = error as ImportError;
    throw new CommandError(exitCodes.failed, `${message}.`, { hint });
  }
}

/** What was written is judged as any definitions are: that it is valid is part of the promise. */
async function tell(
  directory: string,
  imported: Imported,
  written: readonly string[],
  out: Output,
): Promise<void> {
  const { loadDefinitions } = await import('../config/load.ts');
  const loaded = loadDefinitions({ configFile: `${directory}/mendd.yaml`, resolveSecrets: false });
  const problems = loaded.ok ? [] : loaded.problems;
  const { notes, counts } = imported;
  const { warnings } = loaded;
  const found = { directory, valid: loaded.ok, counts, written, notes, problems, warnings };
  out.value(found, () => (notes.length === 0 ? [] : out.table(notes, columns)));
  for (const warning of warnings) out.talk(`warning: ${formatProblem(warning)}`);
  if (!loaded.ok) {
    throw new CommandError(exitCodes.badDefinitions, `What was written to ${directory} is not valid.`, {
      details: problems.map(formatProblem),
      hint: 'That is a mistake of the importer: mend the files by hand, and please report it.',
    });
  }
  const made = Object.entries(counts).map(([what, count]) => countWords(what, count));
  out.talk(`${directory} is written and valid: ${made.join(', ')}.`);
  for (const [level, words] of Object.entries(levels)) {
    const count = notes.filter((note) => note.level === level).length;
    if (count > 0) out.talk(`${count} ${count === 1 ? 'place was' : 'places were'} ${words}.`);
  }
  if (notes.length > 0) out.talk(`${directory}/IMPORT.md tells them by file and line.`);
  out.talk(`Nothing acts: remediation.mode is observe. Next: cd ${directory} && mendd validate`);
}

const levels: Record<NoteLevel, string> = {
  left_out: 'left out',
  changed: 'carried over with a difference',
  check: 'marked for you to look at',
};

const hues: Record<NoteLevel, Hue> = { left_out: 'quiet', changed: 'warn', check: 'bad' };

const columns = [
  { title: 'PLACE', cell: ({ file, line }: ImportNote) => `${file}:${line}` },
  {
    title: 'WHAT',
    cell: ({ level }: ImportNote) => level.replace('_', ' '),
    hue: ({ level }: ImportNote) => hues[level],
  },
  {
    title: 'NOTE',
    cell: ({ message, hint }: ImportNote) => (hint === undefined ? message : `${message}; ${hint}`),
  },
];
