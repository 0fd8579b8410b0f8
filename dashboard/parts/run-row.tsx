/** A run in a list. */
import type { RunItemAnswer } from '../http/wire-types.ts';
import { link } from '../route.ts';
import { runMark } from './marks.ts';
import { Output } from './output.tsx';
import { Row } from './row.tsx';
import { took } from './run-details.tsx';
import { At } from './time.tsx';
import { shortName } from './words.ts';

export function RunRow({ run }: { run: RunItemAnswer }) {
  const { sign, word, tone } = runMark(run.status);
  return (
    <Row
      id={run.id}
      tone={tone}
      sign={sign}
      href={link('runs', run.id)}
      slim
      aside={<At at={run.decidedAt} />}
    >
      <a href={link('runs', run.id)}>{shortName(run.action)}</a> on{' '}
      <a href={link('hosts', run.host)}>{run.host}</a> <b class={tone}>{word}</b>{' '}
      <span class="dim">
        {run.exitCode === undefined ? '' : `exit ${run.exitCode} · `}
        {took(run) === undefined ? '' : `${took(run)} · `}
        <Output text={run.outcome ?? run.reason} limit={200} prose />
      </span>
    </Row>
  );
}
