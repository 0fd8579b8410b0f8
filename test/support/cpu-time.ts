/** The time that work takes of the processor, which does not grow with what others do on the machine. */

/** Milliseconds that this process has computed so far. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
