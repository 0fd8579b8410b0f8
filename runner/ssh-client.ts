/** What a connection asks of its far side, and ssh2's Client as that; it opens and decides nothing. */
import type { Duplex, Readable } from 'node:stream';
import type { Client } from 'ssh2';

/** A command's streams. Emits `exit` with a code, or with null and the name of a signal, and at the end `close`. */
export interface SshChannel extends Duplex {
  stderr: Readable;
  close(): void;
}

type ChannelAnswer = (error: Error | undefined, channel: SshChannel) => void;

/** What is asked of the far side of a connection: ssh2's Client, or an `ssh` master (openssh-mux.ts). */
export interface SshClient {
  /** An error with a `reason` is a channel refused, `Unable to exec` a command refused. */
  exec(command: string, options: { allowHalfOpen: boolean }, answer: ChannelAnswer): unknown;
  forwardOut(
    fromAddress: string,
    fromPort: number,
    address: string,
    port: number,
    answer: ChannelAnswer,
  ): unknown;
  /** Asks the host for any byte. False when there is no way to at present. Errors: throws when the connection is gone. */
  ask(): boolean;
  end(): unknown;
}

/**
 * Node destroys a stream once both of its directions ended, and ssh2 then closes the channel, before the exit status of a
 * command that closed its output early. Nobody but the session closes a channel.
 */
export function patientClient(client: Client): SshClient {
  return {
    exec: (command, options, answer) =>
      client.exec(command, options, (error, channel) => {
        if (!error) channel.destroy = () => channel;
        answer(error, channel);
      }),
    forwardOut: (...request) => client.forwardOut(...request),
    // Any request that wants an answer gets one: nothing is forwarded, so there is nothing to cancel, and the host says so.
    ask: () => {
      client.unforwardIn('', 0, () => undefined);
      return true;
    },
    end: () => client.end(),
  };
}
