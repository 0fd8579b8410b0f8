import { playRows } from './matrix.ts';
import { loginRows } from './rows-login.ts';

playRows('Host key and login', loginRows, 'openssh');
