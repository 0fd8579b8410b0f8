/** How a change of definitions is told to people. It decides nothing. */
import type { DefinitionsPlan, NameChanges, Names } from '../core/definitions-plan.ts';
import type { Output } from './output.ts';
import { plain } from './plain-text.ts';

const shownNames = 20;
const shownRows = 50;

export function planLines(out: Output, plan: DefinitionsPlan): string[] {
  const { hosts, checks, actions, suppressions, state, selectors, daemon, restart, hold } = plan;
  const kinds: [string, NameChanges][] = [
    ['hosts', hosts],
    ['checks', checks],
    ['actions', actions],
    ['silences', suppressions],
  ];
  const changes = kinds.flatMap(([what, each]) => changeLines(out, what, each));
  const selections = selectors.slice(0, shownRows).map(({ runbook, before, after, gained, lost }) => {
    const word = after === 0 ? 'became empty' : after > before ? 'grew' : after < before ? 'shrank' : 'moved';
    const hue = after < before ? 'warn' : undefined;
    const names = [...gained.names.map((name) => `+${name}`), ...lost.names.map((name) => `-${name}`)];
    return out.paint(
      hue,
      `  ${plain(runbook)} ${word}: ${before} to ${after} hosts (${few(names, names.length)})`,
    );
  });
  const isQuiet = changes.length + selections.length + daemon.length === 0;
  return [
    ...(isQuiet ? ['nothing changes'] : changes),
    ...(selections.length === 0 ? [] : ['runbooks select other hosts:', ...selections]),
    ...(daemon.length === 0 ? [] : [`daemon file: ${daemon.map((name) => `~${plain(name)}`).join(', ')}`]),
    stateLine(state),
    ...state.renamed.slice(0, shownRows).map(({ from, to, hosts: count }) => {
      const words = `${from} is asked the same as ${to}, whose state begins anew on ${count} hosts: it goes by the id`;
      return out.paint('warn', `  ${plain(words)}`);
    }),
    ...(restart.length === 0
      ? []
      : [`effective at the next start: ${restart.map((key) => plain(key)).join(', ')}`]),
    ...hold.map((why) => out.paint('bad', `WOULD BE HELD: ${plain(why)}`)),
  ];
}

function changeLines(out: Output, what: string, { gained, lost, changed }: NameChanges): string[] {
  const line = (sign: string, { count, names }: Names, hue: 'good' | 'bad' | 'warn'): string[] =>
    count === 0 ? [] : [out.paint(hue, `  ${sign}${count}: ${few(names, count)}`)];
  const lines = [...line('+', gained, 'good'), ...line('-', lost, 'bad'), ...line('~', changed, 'warn')];
  return lines.length === 0 ? [] : [`${what}:`, ...lines];
}

function few(names: readonly string[], count: number): string {
  const shown = names.slice(0, shownNames).map((name) => plain(name));
  return [...shown, ...(count > shown.length ? [`and ${count - shown.length} more`] : [])].join(', ');
}

function stateLine({ before, after, kept, changed, fresh, forgotten }: DefinitionsPlan['state']): string {
  const parts = [
    `${kept} keep their state${changed === 0 ? '' : ` (${changed} of them ask something else)`}`,
    ...(fresh === 0 ? [] : [`${fresh} begin anew`]),
    ...(forgotten === 0 ? [] : [`${forgotten} are forgotten`]),
  ];
  return `checks on hosts: ${before} to ${after}; ${parts.join(', ')}`;
}
