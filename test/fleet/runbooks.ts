/** Runbooks that several scenarios share, and the settings that leave every repair free. Knows no scenario. */

/** For `remediation` of the daemon file. */
export const unlimited = 'mode: auto, max_runs: 1000 per 1h, max_runs_per_host: 1000 per 1h';

/** Keys of an action: nothing but what a scenario is about may hold it. */
export const freely = `
    cooldown: 0s
    max_runs: 1000 per 1h
    chronic: false
    demote: false
    before: false
    verify: { within: 15s, stays_ok: 1s }`;

export interface RestartsOptions {
  unit?: 'worker' | 'flaky';
  /** Failures in a row before it acts. Default 2. */
  attempts?: number;
  /** YAML of one more key of the action. */
  more?: string;
}

/** Restarts the unit after some failures in a row. `hosts`: as in a list of YAML. YAML of further actions may be appended. */
export function restarts(
  name: string,
  hosts: string,
  { unit = 'worker', attempts = 2, more = '' }: RestartsOptions = {},
): string {
  return `
runbook: ${name}
hosts: [${hosts}]
every: 500ms
timeout: 2s
checks:
  running: { systemd_unit: ${unit}, flapping: false }
actions:
  restart:
    when: { check: running, attempts: ${attempts} }
    systemd_restart: ${unit}
    sudo: true
    ${more}${freely}
`;
}
