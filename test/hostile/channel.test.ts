import { playRows } from './matrix.ts';
import { channelRows } from './rows-channel.ts';

playRows('Channels', channelRows, 'ssh');
