/** `mendd schema`: prints the JSON Schema that editors check the definitions with. */
import { Argument, type Command } from 'commander';
import type { SchemaName } from '../config/json-schema.ts';
import { addCommand } from './command.ts';

export function addSchema(program: Command): void {
  const summary = 'print the JSON Schema of a kind of file, for editors';
  const kinds: SchemaName[] = ['daemon', 'hosts', 'runbook', 'checks', 'actions', 'facts', 'silences'];
  addCommand(program, 'schema', summary, [
    'schema runbook > runbook.schema.json',
    "schema daemon   # then, in mendd.yaml: '# yaml-language-server: $schema=daemon.schema.json'",
  ])
    .addArgument(new Argument('[kind]', 'which file it describes').choices(kinds).default('daemon'))
    .action(async (kind: SchemaName) => {
      const { jsonSchema } = await import('../config/json-schema.ts');
      process.stdout.write(`${JSON.stringify(jsonSchema(kind), null, 2)}\n`);
    });
}
