#!/bin/bash
# Real machines on this box: systemd, sshd and reboots in containers, on a network of their own. This script owns
# all mechanics of machines; harness.ts calls it, and people can:
#
#   fleet.sh up [-o PID] [-s SIZE] NAME...  start a fleet; it is removed when process PID is gone (default: never)
#   fleet.sh down                  remove the fleet and everything it made
#   fleet.sh list                  every fleet on this box and its machines
#   fleet.sh ops COMMAND...        run a command where the daemon belongs: the namespace that reaches the machines
#   fleet.sh ssh NAME [COMMAND...] log in as root over the fleet's network
#   fleet.sh exec NAME COMMAND...  run a command inside, without the network (works while cut off or hung)
#   fleet.sh cut|join NAME         pull the network cable, put it back
#   fleet.sh hang|unhang NAME      stop every process (TCP accepts, nobody answers), let them go on
#   fleet.sh kill|start NAME       pull the power plug, put it back
#   fleet.sh fill|free NAME        fill the disk to the last byte, free it
#   fleet.sh hostkey NAME          give it a new SSH host key that known_hosts does not know
#   fleet.sh wait NAME             until it is up: all units started, sshd answers
#   fleet.sh leader NAME           its init's process id on this box
#
# FLEET=ID chooses the fleet (default: dev). Everything is under /run/mendd-fleet/ID: key, known_hosts, and a
# directory a machine. Machine number n has the address 10.99.0.(10+n). Needs root; see scripts/fleet-ready.mjs.
set -euo pipefail

STATE=/run/mendd-fleet
ID=${FLEET:-dev}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

fail() { echo "fleet: $*" >&2; exit 1; }

use() {
  ID=$1
  [[ $ID =~ ^[a-z0-9-]{1,20}$ ]] || fail "a fleet's id has a-z, 0-9 and -, at most 20: not '$ID'"
  DIR=$STATE/$ID
  OPS=mendd-$ID-ops
}

machine() {
  NAME=${1:-}
  M=$DIR/machines/$NAME
  [[ -n $NAME && -d $M ]] || fail "fleet $ID has no machine '$NAME'"
  SPACE=mendd-$ID-$NAME
}

# Cgroup hierarchies systemd uses, on unified and on hybrid boxes. Machines in one cgroup would kill each other's units.
cgroups() {
  local dir
  for dir in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
    if [[ -e $dir/cgroup.procs ]]; then echo "$dir/mendd-fleet-$ID"; fi
  done
}

# A process as `pid-starttime`, so that a reused pid is not taken for it.
stamp() { local stat; stat=$(<"/proc/$1/stat") 2>/dev/null || return 1; stat=${stat##*) }; set -- "$1" $stat; echo "$1-${21}"; }
alive() { [[ $(stamp "${1%%-*}" 2>/dev/null) == "$1" ]]; }

leader() {
  local supervisor=$M/nspawn.pid nspawn child
  [[ -e $supervisor ]] || return 1
  nspawn=$(<"$supervisor")
  for child in $(cat "/proc/$nspawn/task/$nspawn/children" 2>/dev/null); do
    # The last NSpid is 1 for the init of a pid namespace only.
    if grep -qs $'^NSpid:.*\t1$' "/proc/$child/status"; then echo "$child"; return; fi
  done
  return 1
}

inside() { local pid; pid=$(leader) || fail "$NAME is off"; nsenter --target "$pid" --mount --uts --ipc --net --pid --root --wd -- "$@"; }

# Keeps one machine on: a reboot ends nspawn with 133, anything else leaves the machine off.
supervise() {
  local code=133 cgroup
  for cgroup in $(cgroups); do mkdir -p "$cgroup/$NAME"; done
  while [[ $code == 133 && ! -e $M/off ]]; do
    echo boot >>"$M/boots"
    (
      for cgroup in $(cgroups); do echo $BASHPID >"$cgroup/$NAME/cgroup.procs"; done
      echo $BASHPID >"$M/nspawn.pid"
      exec systemd-nspawn --quiet --directory="$M/root" --machine="$SPACE" --hostname="$NAME" \
        --network-namespace-path="/run/netns/$SPACE" --register=no --keep-unit --settings=no \
        --resolv-conf=off --timezone=off --link-journal=no --console=pipe --boot
    ) && code=0 || code=$?
    rm -f "$M/nspawn.pid"
  done
}

cable() { ip -n "$OPS" link set "v-$NAME" "$1"; }

switch_on() {
  rm -f "$M/off"
  setsid "${BASH_SOURCE[0]}" supervise "$ID" "$NAME" </dev/null >>"$M/console.log" 2>&1 &
  stamp $! >"$M/supervisor"
}

switch_off() {
  local pid
  touch "$M/off"
  while [[ -e $M/supervisor ]] && alive "$(<"$M/supervisor")"; do
    if pid=$(leader); then kill -KILL "$pid" 2>/dev/null || true; fi
    sleep 0.05
  done
  rm -f "$M/supervisor"
}

# Units settled and sshd greets, asked from where the daemon will ask.
wait_up() {
  local deadline=$((SECONDS + 60)) state greeting
  while ((SECONDS < deadline)); do
    state=$(inside timeout 30 systemctl is-system-running --wait 2>/dev/null) || true
    if [[ $state == running || $state == degraded ]]; then
      greeting=$(ops timeout 2 bash -c "read -r line <'/dev/tcp/$(<"$M/address")/22' && echo \"\$line\"" 2>/dev/null) || true
      if [[ $greeting == SSH-* ]]; then return; fi
    fi
    sleep 0.05
  done
  tail -n 20 "$M/console.log" >&2
  fail "$NAME did not come up within 60 s; its console ends as above"
}

ops() { nsenter --net="/run/netns/$OPS" -- "$@"; }

new_host_key() { rm -f "$1"*; ssh-keygen -q -t ed25519 -N '' -C '' -f "$1"; }

# One machine's disk, network and identity; not yet on.
make_machine() {
  local number=$1 image=$2 size=$3 home
  mkdir -p "$M"/{disk,root}
  echo "10.99.0.$((10 + number))" >"$M/address"
  mount -t tmpfs -o "size=$size,mode=755" tmpfs "$M/disk"
  mkdir "$M"/disk/{up,work}
  mount -t overlay overlay -o "lowerdir=$image,upperdir=$M/disk/up,workdir=$M/disk/work" "$M/root"
  new_host_key "$M/root/etc/ssh/ssh_host_ed25519_key"
  echo "$(<"$M/address") $(cut -d' ' -f1,2 "$M/root/etc/ssh/ssh_host_ed25519_key.pub")" >>"$DIR/known_hosts"
  tr -d - </proc/sys/kernel/random/uuid >"$M/root/etc/machine-id"
  echo "$NAME" >"$M/root/etc/hostname"
  echo "127.0.0.1 localhost $NAME" >"$M/root/etc/hosts"
  for home in root home/mendd; do
    install -d -m 700 "$M/root/$home/.ssh"
    install -m 600 "$DIR/key.pub" "$M/root/$home/.ssh/authorized_keys"
  done
  chroot "$M/root" chown -R mendd: /home/mendd/.ssh
  ip netns add "$SPACE"
  ip -n "$OPS" link add "v-$NAME" type veth peer name host0 netns "$SPACE"
  ip -n "$OPS" link set "v-$NAME" master br0 up
  ip -n "$SPACE" addr add "$(<"$M/address")/24" dev host0
  ip -n "$SPACE" link set host0 up
  ip -n "$SPACE" link set lo up
}

up() {
  local owner='' size=256m image name number=0 option
  while getopts o:s: option; do
    case $option in o) owner=$(stamp "$OPTARG") ;; s) size=$OPTARG ;; *) fail "up [-o PID] [-s SIZE] NAME..." ;; esac
  done
  shift $((OPTIND - 1))
  (($# > 0)) || fail "name at least one machine: fleet.sh up m1 m2"
  for name in "$@"; do
    # 15 bytes is what the kernel allows for the name of the interface `v-NAME`.
    [[ $name =~ ^[a-z][a-z0-9-]{0,11}$ && $name != ops ]] || fail "not a name for a machine: '$name'"
  done
  image=$(node "$HERE/../../scripts/fleet-ready.mjs")
  reap
  [[ ! -e $DIR ]] || fail "fleet $ID is already there; FLEET=$ID fleet.sh down removes it"
  mkdir -p -m 755 "$STATE"
  mkdir -m 700 "$DIR"
  echo "$owner" >"$DIR/owner"
  ssh-keygen -q -t ed25519 -N '' -C mendd-fleet -f "$DIR/key"
  ip netns add "$OPS"
  ip -n "$OPS" link set lo up
  ip -n "$OPS" link add br0 type bridge
  ip -n "$OPS" addr add 10.99.0.1/24 dev br0
  ip -n "$OPS" link set br0 up
  for name in "$@"; do
    mkdir -p "$DIR/machines/$name"
    machine "$name"
    number=$((number + 1))
    make_machine "$number" "$image" "$size"
    switch_on
  done
  for name in "$@"; do machine "$name"; wait_up; done
}

down() {
  local space pids name cgroup
  if [[ ! -d $DIR ]]; then return; fi
  for name in "$DIR"/machines/*/; do
    machine "$(basename "$name")"
    { switch_off; umount -q "$M/root" "$M/disk" || true; } &
  done
  wait
  for space in /run/netns/"mendd-$ID"-*; do
    [[ -e $space ]] || continue
    pids=$(ip netns pids "$(basename "$space")")
    if [[ -n $pids ]]; then kill -KILL $pids 2>/dev/null || true; fi
    ip netns del "$(basename "$space")"
  done
  for cgroup in $(cgroups); do
    if [[ -d $cgroup ]]; then find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
  done
  # Never through a mount that would not go.
  rm -rf --one-file-system "$DIR"
}

# Removes fleets whose owner died without `down`.
reap() {
  local owner id
  for owner in "$STATE"/*/owner; do
    [[ -s $owner ]] || continue
    id=$(basename "$(dirname "$owner")")
    if ! alive "$(<"$owner")"; then (use "$id"; down); fi
  done
}

# Process ids of the machine, as this box sees them.
members() {
  local space
  space=$(readlink "/proc/$(leader)/ns/pid")
  find /proc/[0-9]*/ns/pid -maxdepth 0 -lname "${space//[\[\]]/?}" 2>/dev/null | cut -d/ -f3 || true
}

# Again until none was missed: what still runs may fork while the others are stopped.
hang() {
  local before='' after
  while :; do
    after=$(members)
    kill -STOP $after 2>/dev/null || true
    if [[ $before == "$after" ]]; then return; fi
    before=$after
  done
}

list() {
  local fleet
  for fleet in "$STATE"/*/; do
    [[ -d $fleet ]] || continue
    use "$(basename "$fleet")"
    echo "$ID"
    for name in "$DIR"/machines/*/; do
      machine "$(basename "$name")"
      echo "  $NAME $(<"$M/address") $(leader >/dev/null && echo on || echo off)"
    done
  done
}

command=${1:-help}
if (($# > 0)); then shift; fi
use "$ID"
case $command in
  up) up "$@" ;;
  down) down ;;
  list) list ;;
  ops) ops "$@" ;;
  supervise) use "$1"; machine "$2"; supervise ;;
  ssh)
    machine "${1:-}"
    ops ssh -i "$DIR/key" -o UserKnownHostsFile="$DIR/known_hosts" -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes \
      -o ConnectTimeout="${SSH_TIMEOUT:-10}" -o LogLevel=ERROR -F none "root@$(<"$M/address")" "${@:2}"
    ;;
  exec) machine "${1:-}"; inside "${@:2}" ;;
  cut) machine "${1:-}"; cable down ;;
  join) machine "${1:-}"; cable up ;;
  hang) machine "${1:-}"; hang ;;
  unhang) machine "${1:-}"; kill -CONT $(members) 2>/dev/null || true ;;
  # A machine without power says nothing, not even that a port is closed.
  kill) machine "${1:-}"; cable down; switch_off ;;
  start) machine "${1:-}"; cable up; switch_on ;;
  fill) machine "${1:-}"; dd if=/dev/zero of="$M/root/var/fill" bs=64k 2>/dev/null || true ;;
  free) machine "${1:-}"; rm -f "$M/root/var/fill" ;;
  hostkey)
    machine "${1:-}"
    new_host_key "$M/root/etc/ssh/ssh_host_ed25519_key"
    # An impostor has none of the sessions that were open.
    inside systemctl kill --signal=KILL ssh
    inside systemctl restart ssh
    ;;
  wait) machine "${1:-}"; wait_up ;;
  leader) machine "${1:-}"; leader ;;
  *) sed -n '2,/^set /s/^#\( \|$\)//p' "${BASH_SOURCE[0]}"; [[ $command == help ]] || exit 64 ;;
esac
