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
#
# A lone result goes at once. What comes while it is told, and in the second after that, goes together: at the most what the pipe holds,
# 64 KiB on Linux, each two seconds; 300 results a second where each has 100 bytes. More than that makes nsca wait. The time that nsca
# wrote is told with each, so one that waited is not taken for news. What is not taken stands on standard error.
set -u
pipe=${1:?the pipe that is the command_file of nsca}
newline='
'

# Opened for reading and writing, or it would end with the first sender.
exec 3<> "$pipe"
while :; do
  # One read takes all there is, and waits where there is nothing.
  lines=$(dd bs=65536 count=1 <&3 2> /dev/null && echo .) || exit
  lines=${lines%.}
  case $lines in
  *"$newline") ;;
  *) IFS= read -r rest <&3 && lines=$lines$rest ;;
  esac
  results=$(printf '%s\n' "$lines" | LC_ALL=C awk -F ';' '$1 ~ /PROCESS_SERVICE_CHECK_RESULT$/ {
    check = tolower($3)
    gsub(/[^a-z0-9]+/, "_", check)
    gsub(/^_|_$/, "", check)
    text = $0
    for (i = 0; i < 4; i++) sub(/^[^;]*;/, "", text)
    printf "%s%s\t%s\t%s\t%s\n", substr($1, 1, index($1, " ")), $2, check, $4, text
  }')
  [ -n "$results" ] || continue
  told=$(printf '%s\n' "$results" | mendd submit --stdin) || printf 'not taken:\n%s\n' "${told:-$results}" >&2
  sleep 1
done
