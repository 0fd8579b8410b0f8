#!/usr/bin/env node
/** The `mendd` command: runs one command line and leaves with its exit code. */
import '../daemon/utc.ts';
import { runToExit } from './exit.ts';
import { createProgram } from './program.ts';

await runToExit(() => createProgram().parseAsync());
