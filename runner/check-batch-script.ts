/**
 * Builds the sh text that runs several checks of one host in one exec, each as apart from the others as if it had an exec of
 * its own. Text only; it never sends anything, and check-batch-frames.ts reads what it prints.
 *
 * Each worker is an element of one pipeline and runs one check after the other. A background list would do for that, but its
 * commands ignore INT and QUIT for good (POSIX XCU 2.11), which a check run alone does not. The first worker begins; the others
 * join it when that takes long, and those that never do cost nothing.
 *
 * A worker has a reader for each of the two outputs: one `cat` for all its checks, through named pipes, into one file. Behind
 * each check's output comes a word, through a second pipe, which `cat` opens when nobody holds the output any more, and a third
 * one, which it opens when the word is in the file: so the worker knows, without another process, that all of it is there. The
 * teller alone writes to the exec's output: the files as far as they are, when enough has ended, when asked, and at the end.
 * A process for each output and a packet for each check would be most of what a check costs.
 */
import { killGraceMs, type Limiter, type ScriptRequest, wrap } from './remote-script.ts';

/** Bytes of each output that a frame can carry. A check with more is asked again alone, and there cut as ever. */
export const frameOutputBytes = 65_536;

/** The workers' descriptors are 4 to 8: sh takes one digit, 3 is the exec's input, and 9 leads to the teller. */
export const workerLimit = 5;
const firstGate = 4;

export interface BatchScript {
  /** Indexes of the checks are their frames' indexes. */
  members: readonly ScriptRequest[];
  /** Checks at once, from the first `f` or tick on. */
  parallel: number;
  /** `shell` gives no process group of its own and cannot share an exec. */
  limiter: Exclude<Limiter, 'shell'>;
  /** Hexadecimal; stands before everything that is no output, and in files of the private directory too. */
  nonce: string;
  /** Hexadecimal, one for each check and one for the teller: said when the check has ended, and known to none before. */
  secrets: readonly string[];
  /** Of the private directory; hexadecimal, and known to every process of the host. */
  name: string;
}

/** Checks that ended and wait at most to be told with those after them. */
const waitingLimit = 10;

/**
 * For `/bin/sh -s`, as in remote-script.ts a brace group. It reads an empty line of its input as "about a second passed", `f` as
 * "some time passed", and the end of its input as "nobody listens": what runs then runs to its end, what waits is not started. At
 * both lines it tells what has ended and lets all workers begin: a shell that reads ahead may swallow the first.
 */
export function batchScript({ members, parallel, limiter, nonce, secrets, name }: BatchScript): string {
  const workers = Math.min(parallel, workerLimit, members.length);
  const gates = Array.from({ length: workers }, (_, worker) => firstGate + worker);
  const closed = [3, ...gates, 9].map((descriptor) => `${descriptor}<&-`).join(' ');
  const pipes = [
    'c',
    ...gates.flatMap((gate) => ['g', 'o', 'n', 'p', 'e', 'm', 'r'].map((kind) => kind + gate)),
  ];
  return `{
${members.map((member, index) => `mb_${index}() ${wrap(member, limiter, true)}mb_s${index}=${secrets[index]}\n`).join('')}${makeDirectory(name, pipes)}
[ "$mb_d" ] || { echo "
${nonce} n"; exit 0; }
${workerFunctions(members.length, nonce, closed)}
${readUptime}
${tellerFunction(gates, members.length, nonce, secrets[members.length] ?? '')}
exec 3<&0 9<>"$mb_d/c" ${gates.map((gate) => `${gate}<>"$mb_d/g${gate}"`).join(' ')}
${feeder(gates, members)}
mb_p=$!
${gates.map((gate) => `mb_work ${gate} <&${gate} >/dev/null 2>&1 |`).join('\n')}
mb_tell </dev/null 2>/dev/null
kill $mb_p 2>/dev/null
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

/** Hands the client's lines to the teller. When nobody listens any more it gives what runs its time, and what holds on no more. */
function feeder(gates: readonly number[], members: readonly ScriptRequest[]): string {
  const limitMs = Math.max(...members.map(({ timeoutMs }) => timeoutMs)) + 2 * killGraceMs;
  const ticks = 5;
  return `{ while read -r mb_l; do echo "\${mb_l:-t}"; done
for mb_g in ${gates.join(' ')}; do echo q >&$mb_g; done
echo q
for mb_l in ${'t '.repeat(ticks)}; do sleep ${Math.ceil(limitMs / ticks / 1_000)}; echo $mb_l; done
echo z; } <&3 >&9 2>/dev/null &`;
}

/** Seconds since the boot, to a hundredth, without a process; `-` where there is no /proc. */
const readUptime = `mb_time() {
{ read -r mb_u mb_x </proc/uptime; } 2>/dev/null || mb_u=-
}`;

/**
 * A worker's input is its gate: the next check to run, or `q`. `x`: a check ended, `d`: so did its outputs. It finds its own number
 * in /proc without a process.
 */
function workerFunctions(count: number, nonce: string, closed: string): string {
  const size = Math.ceil(((count + 1) * (frameOutputBytes + 256)) / 512);
  const reader = (output: string, word: string, end: string): string =>
    `{ trap '' XFSZ; ulimit -f ${size}; cd "$mb_d" && exec cat ${`${output}$1 ${word}$1 ${end}$1 `.repeat(count)}; } >"$mb_d/${output.toUpperCase()}$1" ${closed} &`;
  return `mb_work() {
mb_a=
while read -r mb_i && [ "$mb_i" != q ]; do
[ "$mb_a" ] || mb_begin $1
mb_time; mb_t=$mb_u
( mb_$mb_i ) </dev/null >"$mb_d/o$1" 2>"$mb_d/e$1" ${closed}
mb_c=$?
mb_time
echo "x $1 $mb_i" >&9
eval "mb_s=\\$mb_s$mb_i"
mb_put n$1 p$1 "f $mb_i $mb_s $mb_c $mb_t $mb_u"
mb_put m$1 r$1 "e $mb_i $mb_s"
echo "d $1" >&9
done
[ "$mb_a" ] && kill \${mb_a% *} && echo "a $1" >&9
exit 0
}
mb_begin() {
${reader('o', 'n', 'p')}
mb_a=$!
${reader('e', 'm', 'r')}
mb_a="$mb_a $!"
read -r mb_l mb_x </proc/self/stat || mb_l=$(exec sh -c 'echo $PPID')
mb_a="$mb_a $mb_l"
echo "a $1 $mb_a" >&9
}
mb_put() {
echo "
${nonce} $3" >"$mb_d/$1"
: >"$mb_d/$2"
}`;
}

/**
 * Prints the frames and opens the gates. When its directory is gone it starts no further check. An output that is still open when
 * the second tick after the check's end comes is held by some child of the check, or its reader has ended because it was too
 * much: that worker is ended with its readers, the check's outputs say nothing, and the others go on. At the end it removes the
 * directory, for what cuts a batch may have ended the shell that it came from.
 */
function tellerFunction(gates: readonly number[], count: number, nonce: string, secret: string): string {
  const [first, ...others] = gates;
  return `mb_tell() {
trap '' PIPE
mb_n=0 mb_b=0 mb_m=0 mb_f=b mb_lost= mb_all=
cd "$mb_d" || mb_lost=lost-
mb_time
echo "
${nonce} b $mb_u" >b
echo "
${nonce} o" >o
echo "
${nonce} r" >r
[ "$mb_lost" ] || mb_start ${first}
while [ $mb_b -gt 0 ] && read -r mb_k mb_w mb_h <&9; do
case $mb_lost$mb_k in
*a) eval "mb_a$mb_w='$mb_h'" ;;
*x) eval "mb_h$mb_w=$mb_h" ;;
*d) eval "mb_h=\\$mb_h$mb_w mb_h$mb_w="
[ "$mb_h" ] || continue
mb_b=$((mb_b-1))
[ "$mb_lost" ] && continue
mb_add "o O$mb_w r E$mb_w"
mb_start $mb_w
[ $mb_m -lt ${waitingLimit} ] || mb_flush ;;
f) mb_open ;;
*t) [ "$mb_lost" ] || mb_open
for mb_w in ${gates.join(' ')}; do
eval "mb_h=\\$mb_h$mb_w"
case $mb_h in
'') ;;
+*) mb_end \${mb_h#+} ;;
*) eval "mb_h$mb_w=+$mb_h" ;;
esac
done ;;
*q) mb_lost=lost- ;;
*z) break ;;
esac
done
[ "$mb_lost" ] || mb_flush
for mb_w in ${gates.join(' ')}; do
echo q >&$mb_w
[ $mb_b -eq 0 ] || eval "kill -PIPE \\$mb_a$mb_w"
done
rm -rf "$mb_d"
}
mb_start() {
[ $mb_n -eq ${count} ] || { echo $mb_n >&$1; mb_n=$((mb_n+1)) mb_b=$((mb_b+1)); }
}
mb_open() {
[ "$mb_all" ] || for mb_w in ${others.join(' ')}; do mb_start $mb_w; done
mb_all=y
mb_flush
}
mb_end() {
eval "kill -PIPE \\$mb_a$mb_w; mb_h$mb_w= mb_a$mb_w= mb_s=\\$mb_s$1"
mb_b=$((mb_b-1))
echo "
${nonce} u $1 $mb_s" >u$1
mb_add u$1
}
mb_add() {
mb_m=$((mb_m+1))
case "$mb_f " in *"$1 "*) ;; *) mb_f="$mb_f $1" ;; esac
}
mb_flush() {
[ $mb_m -eq 0 ] && return
cat $mb_f && mb_m=0 mb_f= && return
mb_lost=lost-
echo "
${nonce} g ${secret}"
}`;
}
