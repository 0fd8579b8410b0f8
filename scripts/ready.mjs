// Makes a fresh clone ready to run: installs the packages when they are missing or old, and builds when the sources are newer.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const sources = [
  'core',
  'config',
  'sources',
  'import',
  'store',
  'runner',
  'checks',
  'actions',
  'daemon',
  'api',
  'cli',
  'dashboard',
];
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(
    `mendd needs Node.js 20.19 or newer; this is ${process.version}. Install it from your distribution or nodejs.org.`,
  );
  process.exit(78);
}

function newestMs(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

function run(command, args, hint) {
  try {
    execFileSync(command, args, { stdio: ['ignore', process.stderr.fd, process.stderr.fd] });
  } catch {
    console.error(`${command} ${args.join(' ')} failed. ${hint}`);
    process.exit(1);
  }
}

const installed = 'node_modules/.package-lock.json';
if (!existsSync(installed) || statSync(installed).mtimeMs < statSync('package-lock.json').mtimeMs) {
  console.error('Installing packages (npm ci) ...');
  run('npm', ['ci', '--no-audit', '--no-fund'], 'Check that the npm registry can be reached.');
}
if (!existsSync('node_modules/better-sqlite3/build/Release/better_sqlite3.node')) {
  console.error('Building the database driver (npm rebuild better-sqlite3) ...');
  run(
    'npm',
    ['rebuild', 'better-sqlite3', '--ignore-scripts=false', '--foreground-scripts'],
    'It needs a prebuilt driver for this Node.js, or python3, make and g++ to build one.',
  );
}
const built = 'dist/cli/main.js';
if (!existsSync(built) || statSync(built).mtimeMs < Math.max(...sources.map(newestMs))) {
  console.error('Building (npm run build) ...');
  run('npm', ['run', '--silent', 'build'], 'The compiler says why above.');
}
