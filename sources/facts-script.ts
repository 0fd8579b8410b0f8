/**
 * The sh text that asks a host what it is, for any POSIX shell on Linux, the BSDs and macOS; it changes nothing there. Text
 * only: sources/facts-told.ts reads the answer.
 */

/** Begins each line of the answer, with the nonce behind it. */
export const factMark = '@mendd';
/** Names of services at most. */
export const unitsLimit = 1_000;

/**
 * Each fact is one line, `@mendd <nonce> <word> <value>`: a value ends where its line does, and is never read as anything but
 * text. What cannot be found has no line. The last word is `end`.
 * Sources: os-release(5), proc(5), sysctl(8) of FreeBSD and macOS, systemctl(1), systemd-detect-virt(1).
 */
export function builtinFactsScript(nonce: string): string {
  return `
_n=${nonce}
${basics}
renice -n 10 -p $$ >/dev/null 2>&1
printf '\\n'
${machine}
${system}
_say end yes
exit 0
`;
}

const basics = String.raw`
LC_ALL=C
export LC_ALL
unset CDPATH
_nl='
'
_has() { command -v "$1" >/dev/null 2>&1; }
_say() { [ -z "$2" ] || printf '${factMark} %s %s %s\n' "$_n" "$1" "${'$'}{2%%"$_nl"*}"; }
_within() { if _has timeout; then timeout 5 "$@"; else "$@"; fi </dev/null 2>/dev/null; }
_sysctl() { sysctl -n "$1" 2>/dev/null; }
_line() { { IFS= read -r _read || [ -n "$_read" ]; } 2>/dev/null <"$1" && printf '%s\n' "$_read"; }
`;

const machine = String.raw`
_say kernel_name "$(uname -s)"
_say kernel_release "$(uname -r)"
_say architecture "$(uname -m)"
_say cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null || _sysctl hw.ncpu)"
if [ -r /proc/meminfo ]; then
  while read -r _key _value _rest; do
    case $_key in
      MemTotal:) _say memory_kb "$_value" ;;
      SwapTotal:) _say swap_kb "$_value" ;;
    esac
  done </proc/meminfo
else
  _bytes=$(_sysctl hw.memsize)
  _say memory_bytes "${'$'}{_bytes:-$(_sysctl hw.physmem)}"
  _say swap_bytes "$(_sysctl vm.swap_total)"
  _say swap_usage "$(_sysctl vm.swapusage)"
fi
_boot=$(_line /proc/sys/kernel/random/boot_id)
[ -n "$_boot" ] || _boot=$(_sysctl kern.bootsessionuuid)
[ -n "$_boot" ] || _boot=$(_sysctl kern.boot_id)
_say boot_id "$_boot"
if _has systemd-detect-virt; then _say virtualization "$(_within systemd-detect-virt)"
else
  for _file in /.dockerenv /run/.containerenv /dev/lxd/sock; do
    [ ! -e "$_file" ] || _say container "$_file"
  done
  _say vm_guest "$(_sysctl kern.vm_guest)"
  _say hv_vmm_present "$(_sysctl kern.hv_vmm_present)"
  _say dmi "$(_line /sys/class/dmi/id/sys_vendor)"
  _say dmi "$(_line /sys/class/dmi/id/product_name)"
fi
`;

const system = String.raw`
for _file in /etc/os-release /usr/lib/os-release; do
  [ -r "$_file" ] || continue
  while IFS= read -r _read || [ -n "$_read" ]; do
    case $_read in ID=* | ID_LIKE=* | NAME=* | VERSION_ID=*) _say os_release "$_read" ;; esac
  done <"$_file"
  break
done
if _has sw_vers; then _say macos "$(sw_vers -productVersion)"; fi
if _has freebsd-version; then _say freebsd "$(freebsd-version -u)"; fi
_host=$(uname -n)
_say hostname "$_host"
case $_host in
  *.*) _say fqdn "$_host" ;;
  *) _say fqdn "$(_within hostname -f)" ;;
esac
{ _within ip -o addr show || ifconfig -a 2>/dev/null; } |
  sed -n "s/^.*[[:space:]]inet6\{0,1\} \(addr: *\)\{0,1\}\([0-9A-Fa-f.:]*\).*/${factMark} $_n address \2/p"
for _tool in apt-get dnf yum zypper pacman apk xbps-install emerge opkg nix-env pkg brew \
  /opt/homebrew/bin/brew /usr/local/bin/brew; do
  _has "$_tool" || continue
  _say package_manager "${'$'}{_tool##*/}"
  break
done
if _has systemctl; then
  _within systemctl list-units --type=service --state=loaded --all --plain --no-legend --no-pager |
    sed -n "s/^[^A-Za-z0-9_]*\([^ ]*\.service\) .*/${factMark} $_n unit \1/p" | sed ${unitsLimit}q
fi
`;
