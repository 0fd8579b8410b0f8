// Debian packages that tests need: what is missing, and installing it. Starts no service.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** While this file forbids it, maintainer scripts start nothing: nobody wants an sshd because of a test run. */
const servicePolicy = '/usr/sbin/policy-rc.d';

/** Also where root's programs are, which are not on everybody's PATH. */
export function found(program) {
  const dirs = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`.split(':');
  return dirs.some((dir) => dir !== '' && existsSync(join(dir, program)));
}

/** `needed`: a program that proves its package is there -> the package. */
export function missingPackages(needed) {
  const missing = Object.entries(needed).filter(([program]) => !found(program));
  return [...new Set(missing.map(([, name]) => name))];
}

/** True when they are installed; apt's own words go to stderr. Needs root. */
export function installPackages(names) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) => spawnSync('apt-get', args, { env, stdio: ['ignore', 2, 2] }).status === 0;
  const install = () => apt('install', '-y', '--no-install-recommends', ...names);
  const isOurs = !existsSync(servicePolicy);
  if (isOurs) writeFileSync(servicePolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    // A box whose lists were never fetched or are out of date fails at the first try.
    return install() || (apt('update') && install());
  } finally {
    if (isOurs) rmSync(servicePolicy);
  }
}
