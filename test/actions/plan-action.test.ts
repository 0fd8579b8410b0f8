import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { evidenceBytes, evidenceScript } from '../../actions/evidence.ts';
import { describeEffect, planEffect } from '../../actions/plan-action.ts';
import type { EffectDefinition } from '../../core/definitions.ts';
import { actionOf, secretOf } from './story.ts';

const address = secretOf('https://user:pass@hooks.example.com/T123/secret');

const cases: [EffectDefinition, object, string][] = [
  [{ kind: 'command', run: 'queue drain' }, { kind: 'guarded', script: 'queue drain' }, 'queue drain'],
  [
    { kind: 'systemd_restart', unit: "it's@x.service" },
    { kind: 'guarded', script: `systemctl restart -- 'it'\\''s@x.service'`, unit: "it's@x.service" },
    `systemctl restart -- 'it'\\''s@x.service'`,
  ],
  [
    { kind: 'reboot', backWithinMs: 600_000, command: 'systemctl reboot' },
    { kind: 'reboot', script: 'systemctl reboot', backWithinMs: 600_000 },
    'systemctl reboot',
  ],
  [
    { kind: 'webhook', url: address, method: 'PUT' },
    { kind: 'http', url: address, method: 'PUT' },
    'PUT <secret>',
  ],
  [{ kind: 'notify', to: 'oncall' }, { kind: 'message', to: 'oncall' }, 'notify oncall'],
];

test.each(cases)('$kind is planned and described', (effect, plan, text) => {
  const action = actionOf('it', effect);
  expect(planEffect(action)).toEqual(plan);
  expect(describeEffect(action)).toBe(text);
  expect(JSON.stringify([planEffect(action), describeEffect(action)])).not.toContain('hooks.example.com');
});

function runEvidence(before: string): string {
  const script = evidenceScript({ before }) ?? '';
  const done = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8', maxBuffer: 2 ** 22 });
  expect(done).toMatchObject({ status: 0, stderr: '' });
  return done.stdout;
}

test('evidence keeps both streams in order and its exit means nothing', () => {
  expect(runEvidence('echo one; echo two >&2; echo three; exit 7')).toBe('one\ntwo\nthree\n');
  expect(runEvidence('echo here # a comment')).toBe('here\n');
  expect(runEvidence('cat <<END\ntext\nEND')).toBe('text\n');
});

test('evidence keeps the end of long output, where logs have what happened last', () => {
  const output = runEvidence('seq 1 200000');
  expect(Buffer.byteLength(output)).toBe(evidenceBytes);
  expect(output.endsWith('\n199999\n200000\n')).toBe(true);
});

test('no evidence is asked for without `before`', () => {
  expect(evidenceScript({})).toBeUndefined();
});
