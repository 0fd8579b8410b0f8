// Makes this box ready for the fleet tests: packages, machine image, proof that a machine can start. Prints the
// image's path on stdout and talks on stderr. It never changes anything but apt packages and its own cache.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { found, installPackages, missingPackages } from './packages.mjs';

const CACHE = '/var/cache/mendd-fleet';
const MACHINE = fileURLToPath(new URL('../test/fleet/machine', import.meta.url));
/** EX_NOPERM of sysexits(3): the person must do something first. */
const NOT_READY = 77;

/** Program that proves a package is there -> Debian package. */
const NEEDED = {
  mmdebstrap: 'mmdebstrap',
  'systemd-nspawn': 'systemd-container',
  ssh: 'openssh-client',
  'ssh-keygen': 'openssh-client',
  ip: 'iproute2',
  ps: 'procps',
  nsenter: 'util-linux',
};

const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'openssh-server',
  'iproute2',
  'procps',
  'monitoring-plugins-basic',
  'sudo',
  'iputils-ping',
];

/** Run by mmdebstrap on the finished tree, `$1` is its root. `fleet.sh up` adds keys and names per machine. */
const CUSTOMIZE = [
  `tar -C "$MACHINE" --owner=0 --group=0 --mode=u=rwX,go=rX -c . | tar -C "$1" -x`,
  `chmod 440 "$1/etc/sudoers.d/mendd" && install -d "$1/var/lib/fleet"`,
  `chroot "$1" useradd --create-home --shell /bin/bash --password '*' mendd`,
  `chroot "$1" systemctl enable fleet-boot.service worker.service flaky.service`,
  `chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer console-getty.service getty.target`,
  `rm -f "$1"/etc/ssh/ssh_host_* && : > "$1/etc/machine-id"`,
];

function say(text) {
  process.stderr.write(`fleet: ${text}\n`);
}

function stop(text) {
  say(text);
  process.exit(NOT_READY);
}

function osRelease() {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return Object.fromEntries([...text.matchAll(/^(\w+)="?(.*?)"?$/gm)].map((match) => [match[1], match[2]]));
}

/** The entries of this box's own apt sources that carry the distribution itself, no third party's. */
function aptSources(codename) {
  const suites = new Set([codename, `${codename}-updates`, `${codename}-security`]);
  const ours = (names, components) =>
    names.some((name) => suites.has(name)) && components.split(/\s+/).includes('main');
  const dir = '/etc/apt/sources.list.d';
  const files = existsSync(dir) ? readdirSync(dir).map((name) => join(dir, name)) : [];
  const kept = { stanzas: [], lines: [] };
  for (const file of ['/etc/apt/sources.list', ...files].filter((name) => existsSync(name))) {
    const text = readFileSync(file, 'utf8').replace(/^#.*\n?/gm, '');
    if (file.endsWith('.sources')) {
      for (const stanza of text.split(/\n\s*\n/)) {
        const field = (name) => new RegExp(`^${name}:\\s*(.*)$`, 'mi').exec(stanza)?.[1] ?? '';
        const off = /^no$/i.test(field('Enabled').trim());
        if (!off && /\bdeb\b/.test(field('Types')) && ours(field('Suites').split(/\s+/), field('Components')))
          kept.stanzas.push(stanza.trim());
      }
    } else if (file.endsWith('.list')) {
      for (const line of text.split('\n')) {
        const match = /^\s*deb\s+(?:\[.*?\]\s+)?\S+\s+(\S+)\s+(.*)$/.exec(line);
        if (match !== null && ours([match[1]], match[2])) kept.lines.push(line.trim());
      }
    }
  }
  return kept;
}

/** Proxy and transport settings of this box; mmdebstrap's apt reads none of the box's apt.conf. */
function aptOptions() {
  const dump = execFileSync('apt-config', ['dump'], { encoding: 'utf8' });
  const wanted = /^Acquire::(?:https?|ftp|Check-Valid-Until|Check-Date|Retries|ForceIPv[46])\b.*"[^"]+";$/i;
  return dump.split('\n').filter((line) => wanted.test(line));
}

function listTree(dir) {
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** Name of the image: a hash of all that decides what is in it. */
function recipeHash(codename) {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([codename, process.arch, PACKAGES, CUSTOMIZE]));
  for (const file of listTree(MACHINE)) {
    hash.update(`${file.slice(MACHINE.length)} ${(statSync(file).mode & 0o100) !== 0}\n`);
    hash.update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 16);
}

function removeAbandonedBuilds() {
  for (const name of readdirSync(CACHE)) {
    const builder = /^\.building-\w+-(\d+)$/.exec(name)?.[1];
    if (builder !== undefined && !existsSync(`/proc/${builder}`))
      rmSync(join(CACHE, name), { recursive: true, force: true });
  }
}

function buildImage(image, codename) {
  const { stanzas, lines } = aptSources(codename);
  if (stanzas.length + lines.length === 0)
    stop(`no apt source of this box carries ${codename} main; the machine image is built from those.`);
  say(`building the machine image (once, half a minute)`);
  mkdirSync(CACHE, { recursive: true, mode: 0o700 });
  removeAbandonedBuilds();
  const building = join(CACHE, `.building-${basename(image)}-${process.pid}`);
  const scratch = mkdtempSync(join(tmpdir(), 'mendd-fleet-'));
  const sources = [];
  if (stanzas.length > 0) sources.push(join(scratch, 'distribution.sources'));
  if (stanzas.length > 0) writeFileSync(sources[0], `${stanzas.join('\n\n')}\n`);
  const result = spawnSync(
    'mmdebstrap',
    [
      '--variant=minbase',
      '--quiet',
      `--include=${PACKAGES.join(',')}`,
      ...aptOptions().map((option) => `--aptopt=${option}`),
      ...CUSTOMIZE.map((hook) => `--customize-hook=${hook}`),
      codename,
      building,
      ...sources,
      ...lines,
    ],
    { env: { ...process.env, MACHINE, LC_ALL: 'C.UTF-8' }, stdio: ['ignore', 2, 'pipe'], encoding: 'utf8' },
  );
  rmSync(scratch, { recursive: true, force: true });
  if (result.status !== 0) {
    rmSync(building, { recursive: true, force: true });
    stop(`mmdebstrap could not build the image:\n${result.stderr}`);
  }
  try {
    renameSync(building, image);
  } catch (error) {
    // Somebody else built the same image meanwhile; theirs is as good.
    if (!existsSync(image)) throw error;
    rmSync(building, { recursive: true, force: true });
  }
}

/** Starts and ends what every machine needs, so that a box that forbids it says so here and not in a test. */
function proveMachinesCanStart(image) {
  const space = `mendd-probe-${process.pid}`;
  const script = `set -e
    ip netns add ${space}
    trap 'ip netns del ${space}' EXIT
    ip -n ${space} link add probe0 type bridge
    ip -n ${space} link add probe1 type veth peer name probe2
    unshare --mount --propagation slave sh -ec '
      mount -t tmpfs tmpfs /mnt && mkdir /mnt/up /mnt/work /mnt/root
      mount -t overlay overlay -o "lowerdir=$1,upperdir=/mnt/up,workdir=/mnt/work" /mnt/root
      systemd-nspawn --quiet --directory=/mnt/root --machine=${space} --network-namespace-path=/run/netns/${space} \
        --register=no --keep-unit --settings=no --resolv-conf=off --pipe /bin/true' sh "$1"`;
  const result = spawnSync('sh', ['-c', script, 'sh', image], { encoding: 'utf8' });
  if (result.status === 0) return;
  stop(
    'this environment does not allow the namespaces, mounts or containers that machines are made of ' +
      `(a plain Debian box or VM as root does; most containers do not):\n${result.stderr}${result.stdout}`,
  );
}

const codename = osRelease().VERSION_CODENAME;
if (process.platform !== 'linux' || !found('apt-get') || codename === undefined)
  stop('the fleet needs Debian (apt-get): its machines are built from the box’s own apt sources.');
const missing = missingPackages(NEEDED);
if (process.getuid() !== 0) {
  const install =
    missing.length === 0 ? '' : ` Missing: apt-get install --no-install-recommends ${missing.join(' ')}`;
  stop(`the fleet needs root for namespaces and mounts: run \`sudo npm run test:fleet\`.${install}`);
}
if (missing.length > 0) {
  say(`installing ${missing.join(' ')}`);
  if (!installPackages(missing)) stop(`apt-get could not install ${missing.join(' ')}; see its words above.`);
}
const image = join(CACHE, recipeHash(codename));
if (!existsSync(image)) buildImage(image, codename);
proveMachinesCanStart(image);
process.stdout.write(`${image}\n`);
