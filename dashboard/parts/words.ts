/** How times, spans and names of the API are said to a person. Pure. */

/** `150000` -> `2 min`. Milliseconds; the two largest units are enough to judge by. */
export function span(ms: number): string {
  const sec = Math.max(0, Math.round(ms / 1000));
  if (sec < 60) return `${sec} s`;
  const min = Math.floor(sec / 60);
  if (min < 10 && sec % 60 !== 0) return `${min} min ${sec % 60} s`;
  if (min < 60) return `${min} min`;
  const hours = Math.floor(min / 60);
  if (hours < 24) return min % 60 === 0 ? `${hours} h` : `${hours} h ${min % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Hours and minutes of the reader's own clock; with the day when it is not today's. */
export function clockTime(at: string | number, nowMs: number): string {
  const date = new Date(at);
  const text = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const isToday = date.toDateString() === new Date(nowMs).toDateString();
  return isToday ? text : `${two(date.getMonth() + 1)}-${two(date.getDate())} ${text}`;
}

/** With seconds: `02:41:07`. */
export function exactTime(at: string | number, nowMs: number): string {
  return `${clockTime(at, nowMs)}:${two(new Date(at).getSeconds())}`;
}

/** `not_verified` -> `not verified` */
export function plain(name: string): string {
  return name.replaceAll('_', ' ');
}

/** `1`, `check` -> `1 check`; `2`, `check` -> `2 checks` */
export function count(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** `web.queue-worker` -> `queue-worker`: the runbook is told where it matters. */
export function shortName(id: string): string {
  return id.slice(id.indexOf('.') + 1);
}

function figure(name: string, value: string | number | boolean | null): string {
  if (value === null || value === '') return 'none';
  if (typeof value !== 'number') return String(value);
  return name.endsWith('Ms') ? span(value) : String(Number(value.toFixed(2)));
}

/** `{ healthyWithoutIt: 11 }` -> `healthy without it 11` */
export function figures(values: Readonly<Record<string, string | number | boolean | null>>): string {
  return Object.entries(values)
    .map(([name, value]) => {
      const words = name.replace(/Ms$/, '').replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
      return `${words} ${figure(name, value)}`;
    })
    .join(', ');
}
