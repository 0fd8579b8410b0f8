import { playRows } from './matrix.ts';
import { commandRows } from './rows-command.ts';

playRows('While a command runs', commandRows, 'ssh');
