// Runs inside the fleet's ops namespace: passes connections from a unix socket, which all namespaces see, on to the
// daemon's API port there. Usage: node relay.mjs SOCKET PORT; prints a line when it listens.
import { connect, createServer } from 'node:net';

const [socket = '', port = ''] = process.argv.slice(2);
const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true });
  // The daemon may be off or killed at any moment: then the near side just ends, as it would without a relay.
  far.on('error', () => near.destroy());
  near.on('error', () => far.destroy());
  far.on('close', () => near.destroy());
  near.on('close', () => far.destroy());
  near.pipe(far);
  far.pipe(near);
});
server.listen(socket, () => process.stdout.write('listening\n'));
