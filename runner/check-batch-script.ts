/**
 * Builds the sh text that runs several checks of one host in one exec, each as apart from the others as if it had an exec of
 * its own. Text only; it never sends anything, and check-batch-frames.ts reads what it prints.
 *
 * Each worker is an element of one pipeline and runs one check after the other. A background list would do for that, but its
 * commands ignore INT and QUIT for good (POSIX XCU 2.11), which a check run alone does not. A check's outputs go through two
 * named pipes into `head`, which keeps what the cap allows; its end and theirs are told to the teller over a third one,
 * and the teller alone writes to the exec's output: the frames of all that has ended, by one `cat`, when there are enough of
 * them, when asked, and at the end. A process and a packet for each would be most of what a check costs.
 */
import { type Limiter, type ScriptRequest, wrap } from './remote-script.ts';

/** Bytes of each output that a frame can carry. A check with more is asked again alone, and there cut as ever. */
export const frameOutputBytes = 65_536;

/** The workers' descriptors are 4 to 8: sh takes one digit, 3 is the exec's input, and 9 leads to the teller. */
export const workerLimit = 5;
const firstGate = 4;

export interface BatchScript {
  /** Indexes of the checks are their frames' indexes. */
  members: readonly ScriptRequest[];
  /** Checks at once. */
  parallel: number;
  /** `shell` gives no process group of its own and cannot share an exec. */
  limiter: Exclude<Limiter, 'shell'>;
  /** Hexadecimal; stands before everything that is no output, and in files of the private directory too. */
  nonce: string;
  /** Hexadecimal; says that frames are whole. Only the shell knows it. */
  secret: string;
  /** Of the private directory; hexadecimal, and known to every process of the host. */
  name: string;
}

/** Frames that wait at most for those after them. */
const frameLimit = 10;

/**
 * For `/bin/sh -s`, as in remote-script.ts a brace group. It reads an empty line of its input as "about a second passed", `f` as
 * "tell what has ended", and the end of its input as "nobody listens": what runs then runs to its end, what waits is not started.
 */
export function batchScript({ members, parallel, limiter, nonce, secret, name }: BatchScript): string {
  const workers = Math.min(parallel, workerLimit, members.length);
  const gates = Array.from({ length: workers }, (_, worker) => firstGate + worker);
  const closed = [3, ...gates, 9].map((descriptor) => `${descriptor}<&-`).join(' ');
  const pipes = [
    'c',
    ...gates.map((gate) => `g${gate}`),
    ...members.flatMap((_, index) => [`o${index}`, `e${index}`]),
  ];
  return `{
${members.map((member, index) => `mb_${index}() ${wrap(member, limiter, true)}`).join('')}${makeDirectory(name, pipes)}
[ "$mb_d" ] || { echo "
${nonce} n"; exit 0; }
${workerFunction(closed)}
${readUptime}
${tellerFunction(gates, members.length, nonce, secret)}
exec 3<&0 9<>"$mb_d/c" ${gates.map((gate) => `${gate}<>"$mb_d/g${gate}"`).join(' ')}
{ while read -r mb_l; do echo "\${mb_l:-t}"; done; for mb_g in ${gates.join(' ')}; do echo q >&$mb_g; done; echo q; } <&3 >&9 2>/dev/null &
mb_p=$!
${gates.map((gate, first) => `mb_work ${gate} ${first} <&${gate} >/dev/null 2>&1 |`).join('\n')}
mb_tell </dev/null 2>/dev/null
{ kill $mb_p; rm -rf "$mb_d"; } 2>/dev/null
exit 0
}
`;
}

/**
 * The first place where a directory, named pipes and a file with content can be made. None for ksh93, which at times forgets
 * how a background process ended.
 */
function makeDirectory(name: string, pipes: readonly string[]): string {
  return `mb_d=
case $KSH_VERSION in *93*) ;; *)
for mb_t in "\${TMPDIR:-/tmp}" /var/tmp /dev/shm "\${HOME:-/}"; do
mb_t=$mb_t/.mendd-${name}
mkdir -m 700 "$mb_t" || continue
mkfifo ${pipes.map((pipe) => `"$mb_t/${pipe}"`).join(' ')} && echo >"$mb_t/w" && { mb_d=$mb_t; break; }
rm -rf "$mb_t"
done 2>/dev/null ;;
esac`;
}

/** Seconds since the boot, to a hundredth, without a process; `-` where there is no /proc. */
const readUptime = `mb_time() {
{ read -r mb_u mb_x </proc/uptime; } 2>/dev/null || mb_u=-
}`;

/** Its input is its gate: the next check to run, or `q`. `x`: a check ended, `d`: so did its outputs. */
function workerFunction(closed: string): string {
  const reader = (from: string, to: string): string =>
    `head -c ${frameOutputBytes + 1} <"$mb_d/${from}$mb_i" >"$mb_d/${to}$mb_i" ${closed} &`;
  return `mb_work() {
mb_i=$2
while :; do
${reader('o', 'O')}
mb_o=$!
${reader('e', 'E')}
mb_e=$!
mb_time; mb_t=$mb_u
( mb_$mb_i ) </dev/null >"$mb_d/o$mb_i" 2>"$mb_d/e$mb_i" ${closed}
mb_c=$?
mb_time
echo "x $1 $mb_i $mb_c $mb_o $mb_e" >&9
wait $mb_o; mb_s=$?
wait $mb_e; mb_s=$mb_s$?
echo "d $1 $mb_i $mb_c $mb_s $mb_t $mb_u" >&9
read -r mb_i && [ "$mb_i" != q ] || exit 0
done
}`;
}

/**
 * Prints the frames and opens the gates. When its directory is gone it starts no further check, ends the readers that wait for what
 * is gone with it, and says no closing word. An output that is still open when the second tick after the check's end comes is held
 * by some child of the check: its reader is killed, which shows in the reader's status. The outputs come before the words about
 * them, and the first ones after `b`, which is no packet of its own. `k` follows when all of them could be printed, and how many
 * words there were: one more is a check's own.
 */
function tellerFunction(gates: readonly number[], count: number, nonce: string, secret: string): string {
  return `mb_tell() {
trap '' PIPE
mb_n=${gates.length} mb_b=${gates.length} mb_f=b mb_m=0 mb_lost=
cd "$mb_d" || mb_lose
mb_time
echo "
${nonce} b $mb_u" >b
echo "
${nonce} e" >s
while [ $mb_b -gt 0 ] && read -r mb_k mb_w mb_i mb_c mb_o mb_e mb_u <&9; do
case $mb_lost$mb_k in
x) eval "mb_h$mb_w='$mb_o $mb_e'" ;;
lost-x) kill $mb_o $mb_e ;;
d) eval "mb_h$mb_w="
mb_frame || mb_lose
if [ $mb_n -lt ${count} ] && [ ! "$mb_lost" ]; then echo $mb_n >&$mb_w; mb_n=$((mb_n+1))
else echo q >&$mb_w; mb_b=$((mb_b-1)); fi
[ $mb_m -lt ${frameLimit} ] || mb_flush || mb_lose ;;
lost-d) echo q >&$mb_w; mb_b=$((mb_b-1)) ;;
f) mb_flush || mb_lose ;;
t) mb_flush || mb_lose
for mb_w in ${gates.join(' ')}; do
eval "mb_h=\\$mb_h$mb_w"
case $mb_h in
'') ;;
+*) kill \${mb_h#+} ;;
*) eval "mb_h$mb_w=+\\$mb_h" ;;
esac
done ;;
*q) break ;;
esac
done
[ "$mb_lost" ] || mb_flush
for mb_w in ${gates.join(' ')}; do eval "kill \\\${mb_h$mb_w#+}"; done
}
mb_lose() {
mb_lost=lost-
for mb_g in ${gates.join(' ')}; do eval "kill \\\${mb_h$mb_g#+}"; done
}
mb_frame() {
if [ ! -f O$mb_i ] || [ ! -f E$mb_i ]; then mb_k="g $mb_i"
elif [ "$mb_o" != 00 ]; then mb_k="u $mb_i"
else
mb_k="f $mb_i $mb_c $mb_e $mb_u"
[ ! -s O$mb_i ] || mb_f="$mb_f O$mb_i"
[ ! -s E$mb_i ] || { mb_f="$mb_f s E$mb_i"; mb_m=$((mb_m+1)); }
fi
echo "
${nonce} $mb_k" >f$mb_i && mb_f="$mb_f f$mb_i" && mb_m=$((mb_m+1))
}
mb_flush() {
[ $mb_m -eq 0 ] || { cat $mb_f && echo "
${nonce} k ${secret} $mb_m" && mb_f= mb_m=0; }
}`;
}
