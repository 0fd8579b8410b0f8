#!/bin/sh
# Hands on to mendd what senders that cannot be changed tell the NSCA daemon.
#
# send_nsca speaks a protocol of its own, which only nsca understands. nsca writes what it took into the command file of Nagios: let that be
# a pipe, and this its reader. In /etc/nsca.cfg:
#   command_file=/run/nsca/results
# Then, as the user of nsca, with MENDD_API and MENDD_TOKEN of the scope submit in the environment:
#   mkfifo -m 0600 /run/nsca/results; sh nsca-to-mendd.sh /run/nsca/results
# A service such as `Backup Job` is told as the check `backup_job`, which is also what `mendd import nagios` calls it. Results of hosts
# themselves are not handed on.
set -u
pipe=${1:?the pipe that is the command_file of nsca}

# Opened for reading and writing, or it would end with the first sender.
exec 3<> "$pipe"
while IFS=';' read -r command host service code text <&3; do
  case $command in
  *PROCESS_SERVICE_CHECK_RESULT) ;;
  *) continue ;;
  esac
  check=$(printf '%s' "$service" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9' '_' | sed 's/^_//; s/_$//')
  printf '%s\t%s\t%s\t%s\n' "$host" "$check" "$code" "$text" | mendd submit --stdin > /dev/null ||
    printf 'not taken: %s %s\n' "$host" "$check" >&2
done
