/** Now: what needs a person, what heals itself, what was healed, and the fleet, worst first. */
import { now } from '../live/now-store.ts';

export function Screen() {
  return <p>{now.value?.verdict.sentence}</p>;
}
