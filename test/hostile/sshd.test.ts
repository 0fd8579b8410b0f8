import { playRows } from './matrix.ts';
import { sshdRows } from './rows-sshd.ts';

playRows('Real sshd', sshdRows, 'ssh');
