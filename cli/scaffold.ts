/** The files that `mendd init` writes: small, commented, valid as they stand. It holds texts and writes nothing. */
import type { LoginKey } from './ssh-tools.ts';

export interface ScaffoldFile {
  /** Relative to the directory of the daemon file. */
  path: string;
  text: string;
  executable?: true;
}

/** `login`: the key for the daemon file; without it the key is left to be named. */
export function scaffold(login: LoginKey | undefined): ScaffoldFile[] {
  return [
    { path: 'mendd.yaml', text: daemonFile(login) },
    { path: 'definitions/hosts/ops-box.yaml', text: hostsFile },
    { path: 'definitions/runbooks/basics.yaml', text: runbook },
    { path: 'definitions/plugins/check_hello', text: plugin, executable: true },
    { path: 'README.md', text: readme },
    { path: '.gitignore', text: ignored },
  ];
}

/** Where the services of code hosts look for what to do with a change. */
export type CiKind = 'github' | 'gitlab';

export function ciFile(kind: CiKind): ScaffoldFile {
  return kind === 'github'
    ? { path: '.github/workflows/mendd.yml', text: githubWorkflow }
    : { path: '.gitlab-ci.yml', text: gitlabPipeline };
}

export function daemonFile(login: LoginKey | undefined): string {
  return `# yaml-language-server: $schema=.mendd/daemon.schema.json
# The daemon file of mendd. Paths are relative to it. Checked by: mendd validate
definitions:
  path: ./definitions # hosts/, runbooks/ and plugins/
  # git: { url: git@git.example.com:ops/definitions.git, key: "\${file:./deploy_key}" } # in place of path: follow a branch

store:
  path: ./mendd.db # state, history and the ledger of actions; as a service /var/lib/mendd/mendd.db

ssh:
  user: mendd # login name on hosts that name none
${loginLines(login)}
  known_hosts: ./known_hosts
  host_keys: strict # only hosts whose key is known; accept_new learns the first one

api:
  listen: 127.0.0.1:8420 # the API and the page

remediation:
  mode: observe # decides and records, never acts; \`auto\` lets actions run
  max_runs: 20 per 1h # repairs in the whole fleet
  max_concurrent: 5
  # page: oncall # who hears of a problem that no action could mend

# notify:
#   oncall: { webhook: "\${env:ONCALL_URL}" }
`;
}

function loginLines(login: LoginKey | undefined): string {
  if (typeof login === 'object')
    return `  identity: \${file:${login.identity}} # private key; as a service rather \${cred:ssh_key}`;
  const agent = login === 'agent';
  return `  # identity: \${file:~/.ssh/id_ed25519} # private key; as a service rather \${cred:ssh_key}
  agent: ${agent} # ${agent ? '' : 'true: '}the SSH agent at $SSH_AUTH_SOCK`;
}

const hostsFile = `# yaml-language-server: $schema=../../.mendd/hosts.schema.json
# Hosts by name. Labels are what runbooks select by.
hosts:
  ops-box:
    transport: local # this machine itself, without SSH
    labels: { role: ops }

  # web-1: { address: 10.0.0.11, labels: { role: web } }
  # web-[02:20]: { address: "10.0.1.{n}", labels: { role: web } }
`;

const runbook = `# yaml-language-server: $schema=../../.mendd/runbook.schema.json
# A runbook: which hosts, what is checked there, and what is done about it.
runbook: basics
hosts: ["*"] # names and globs; or labels: { role: web }
every: 1m

checks:
  disk:
    disk: { path: /, warn: 80%, crit: 90% }

  hello:
    plugin: check_hello # from plugins/; any Nagios plugin works unchanged
    args: [--name, world]

  # worker:
  #   systemd_unit: queue-worker
  #   max_attempts: 3 # soft until then

actions:
  vacuum:
    when: { check: disk, state: critical, attempts: 2 }
    run: journalctl --vacuum-size=500M
    sudo: true
    cooldown: 1h
    mode: observe # this action only records what it would do; delete the line to let it act

  # restart:
  #   when: { check: worker, attempts: 2 }
  #   systemd_restart: queue-worker
  #   sudo: true
  # reboot:
  #   after: restart # the next rung: only when restart is exhausted or failed
  #   reboot: { back_within: 10m }
  #   sudo: true
`;

const plugin = `#!/bin/sh
# A Nagios plugin: one line of text, then perfdata after a bar; exit code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.
name=world
[ "$1" = --name ] && [ -n "$2" ] && name=$2
users=$(who 2>/dev/null | wc -l | tr -d ' ')
echo "OK: hello $name, $users logged in|users=$users;;;0"
exit 0
`;

const readme = `# Definitions for mendd

| file | what |
|---|---|
| mendd.yaml | the daemon: store, SSH, API, limits |
| definitions/hosts/ | the hosts |
| definitions/runbooks/ | checks and actions |
| definitions/plugins/ | programs that are uploaded to hosts |
| .mendd/ | schemas: editors with yaml-language-server complete and check by them; \`mendd init\` after an update of mendd writes those that are gone |

    mendd validate             check everything, without a daemon
    mendd plan                 what a reload would change
    mendd check ops-box        run the checks of a host now
    mendd init . --host web-1  add a host from your ssh settings
    mendd serve                start; nothing acts until remediation.mode is auto
    mendd status               what needs you

Keep mendd.yaml and definitions/ in git; mendd.db and keys stay out of it.
`;

const ignored = `# State, keys and what only this machine knows.
mendd.db*
mendd-ledger.db*
known_hosts
deploy_key
*.pem
`;

const githubWorkflow = `# Judges each change of the definitions. It needs no secret and reaches no host.
name: mendd
on:
  pull_request:
  push:
    branches: [main]
permissions:
  contents: read
jobs:
  definitions:
    runs-on: ubuntu-latest
    timeout-minutes: 15
    steps:
      - uses: actions/checkout@v4
        with: { fetch-depth: 0, persist-credentials: false }
      - uses: actions/setup-node@v4
        with: { node-version: 22 }
      - name: install mendd
        run: |
          git clone --depth 1 https://github.com/mendd/mendd "$RUNNER_TEMP/mendd"
          node "$RUNNER_TEMP/mendd/scripts/ready.mjs"
          mkdir "$RUNNER_TEMP/bin" && ln -s "$RUNNER_TEMP/mendd/dist/cli/main.js" "$RUNNER_TEMP/bin/mendd"
          echo "$RUNNER_TEMP/bin" >> "$GITHUB_PATH"
      - name: is every file valid?
        run: mendd validate --no-secrets .
      - name: what would it change?
        if: github.event_name == 'pull_request'
        env:
          BASE: \${{ github.event.pull_request.base.sha }}
        # Exit code 1: it drops so much that mendd would wait for a person. Delete what follows || to refuse such a change.
        run: |
          git worktree add --detach "$RUNNER_TEMP/base" "$BASE"
          mendd plan --from "$RUNNER_TEMP/base" . || test $? -eq 1
`;

const gitlabPipeline = `# Judges each change of the definitions. It needs no secret and reaches no host.
definitions:
  image: node:22
  variables: { GIT_DEPTH: 0 }
  before_script:
    - git clone --depth 1 https://github.com/mendd/mendd /opt/mendd
    - node /opt/mendd/scripts/ready.mjs
    - ln -s /opt/mendd/dist/cli/main.js /usr/local/bin/mendd
  script:
    - mendd validate --no-secrets .
    # Exit code 1: it drops so much that mendd would wait for a person. Delete what follows || to refuse such a change.
    - |
      if [ -n "$CI_MERGE_REQUEST_DIFF_BASE_SHA" ]; then
        git worktree add --detach /tmp/base "$CI_MERGE_REQUEST_DIFF_BASE_SHA"
        mendd plan --from /tmp/base . || test $? -eq 1
      fi
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
`;
