/** Makes of ssh2's Client what a connection asks for; it opens and decides nothing. */
import type { Client } from 'ssh2';
import type { SshClient } from './ssh-connection.ts';

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
    end: () => client.end(),
  };
}
