import { playRows } from './matrix.ts';
import { tcpRows } from './rows-tcp.ts';

playRows('Before the handshake', tcpRows, 'ssh');
