import { expect, test } from 'vitest';
import { actionEnvironment } from '../../actions/environment.ts';
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

const hook = (run: string, kind: 'target' | 'local') => ({ run, runOn: { kind }, timeoutMs: 1000 });

test('a reboot with hooks shows each command, where it runs and in which order', () => {
  const drain = hook('kubectl drain "$MENDD_HOST"', 'local');
  const undrain = hook('systemctl start app', 'target');
  const effect = { kind: 'reboot', backWithinMs: 1, command: 'systemctl reboot', drain, undrain } as const;
  const action = actionOf('it', effect);
  expect(planEffect(action)).toEqual({
    kind: 'reboot',
    script: 'systemctl reboot',
    backWithinMs: 1,
    drain,
    undrain,
  });
  expect(describeEffect(action)).toBe(`drain, on the ops box: kubectl drain "$MENDD_HOST"
reboot, on the host: systemctl reboot
undrain, on the host: systemctl start app`);
  const { drain: _none, ...after } = effect;
  expect(describeEffect(actionOf('it', after))).toBe(`reboot, on the host: systemctl reboot
undrain, on the host: systemctl start app`);
});

test('actions and hooks learn where they are and which run it is', () => {
  expect(actionEnvironment({ name: 'web-1', address: '192.0.2.1' }, 'web-1~r.a~e~1')).toEqual({
    MENDD_HOST: 'web-1',
    MENDD_ADDRESS: '192.0.2.1',
    MENDD_RUN: 'web-1~r.a~e~1',
  });
});
