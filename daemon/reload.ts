/**
 * Owns swapping the definitions: everything that can fail happens before anything running is touched, bad definitions change
 * nothing, and what would drop too much waits for a person. One at a time; where commits come from is
 * daemon/definitions-source.ts.
 */
import { isSame } from '../config/plan-definitions.ts';
import { readSource } from '../config/read-source.ts';
import type { Definitions, GitSource } from '../core/definitions.ts';
import type { DefinitionsPlan } from '../core/definitions-plan.ts';
import { MenddError } from '../core/errors.ts';
import type { Commit, Rollback } from '../core/pinned-commit.ts';
import type { World } from '../core/sources.ts';
import type {
  ConfigView,
  HeldReload,
  PlanAnswer,
  PlanRequest,
  Rejected,
  ReloadAnswer,
  ReloadRequest,
  RollbackRequest,
} from '../core/views.ts';
import { configView, type NewestReload } from './config-view.ts';
import { DefinitionsSource, type NotBrought, short } from './definitions-source.ts';
import { BranchFollower } from './follow-branch.ts';
import { type Judged, judge, type Resolved, type Wanted } from './judge-definitions.ts';
import { rejected } from './person-controls.ts';
import { type Entrance, isNamed } from './reload-entrance.ts';
import { type RecordOptions, ReloadRecord } from './reload-record.ts';

/** With what was resolved at the start. */
export interface ReloadOptions extends RecordOptions, Partial<Resolved> {
  configFile: string;
  /** What is known from outside of the files at this moment. */
  world: () => World;
  current: () => Definitions;
  /** Throws MenddError, before anything is touched, when the new keys cannot be used. */
  swap: (definitions: Definitions) => Promise<void>;
}

interface ReloadState extends NewestReload {
  /** They are of the branch or of its newest commit: over once it is at the commit in force. */
  isOfBranch?: boolean;
}

export class Reloader {
  readonly #options: ReloadOptions;
  readonly #record: ReloadRecord;
  readonly #atStart: Definitions;
  readonly #ending = new AbortController();
  readonly #follower: BranchFollower;
  #source: DefinitionsSource | undefined;
  /** Of the definitions in force; set here alone. */
  resolved: Partial<Resolved>;
  #state: ReloadState;
  /** Why they do not fit what is known from outside of them. */
  #misfit: string[] = [];
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: ReloadOptions) {
    const { clock } = options;
    this.#options = options;
    this.#record = new ReloadRecord(options);
    this.#atStart = options.current();
    this.resolved = options;
    this.#source = this.#sourceOf(this.#atStart.daemon.git);
    this.#state = { loadedAtMs: clock.nowMs(), ok: true, problems: [] };
    this.#follower = new BranchFollower({
      clock,
      signal: this.#ending.signal,
      source: () => this.#source,
      alone: (work) => this.#alone(work),
      onNew: async () => void (await this.#reload({ by: 'git' })),
      onSame: () => {
        if (this.#state.isOfBranch === true)
          this.#state = { loadedAtMs: this.#state.loadedAtMs, ok: true, problems: [] };
      },
      onUnreachable: (problem) => {
        if (this.#state.held === undefined) this.#refuse('git', [problem], { isOfBranch: true });
      },
    });
  }

  /** Looks at the branch at once, and from then on. */
  start(): void {
    this.#follower.start();
  }

  /** Ends what git is doing, and waits for what is being swapped. */
  async stop(): Promise<void> {
    this.#follower.stop();
    this.#ending.abort();
    await this.#running;
  }

  /** Reads everything anew; also the newest commit of the branch. */
  reload(request: ReloadRequest): Promise<ReloadAnswer> {
    return this.#alone(() => this.#reload(request));
  }

  async #reload({ by, confirm, isDry = false }: ReloadRequest): Promise<ReloadAnswer> {
    const source = this.#sourceOf(readSource(this.#options.configFile).git);
    const entrance = { by, source, isDry, ...(confirm === undefined ? {} : { confirm }) };
    if (source === undefined) return this.#enter({}, entrance);
    const isFollowing = source.pin?.rollback === undefined;
    const brought = isFollowing ? await source.bring() : (source.pinned ?? (await source.bringPinned()));
    if ('kind' in brought) return this.#without(brought, entrance, source);
    if (isFollowing && !isDry) this.#follower.saw(brought.commit.id);
    return this.#enter(brought, entrance);
  }

  /** Nothing new is to be had: what the daemon file says besides is taken with the commit in force. */
  async #without(
    { kind, problems, commitId }: NotBrought,
    entrance: Entrance,
    { pinned }: DefinitionsSource,
  ): Promise<ReloadAnswer> {
    const { by, isDry } = entrance;
    const answer = pinned !== undefined && by !== 'git' ? await this.#enter(pinned, entrance) : undefined;
    if (answer !== undefined && !answer.ok) return answer;
    if (commitId !== undefined && !isDry) this.#follower.notTaken(commitId);
    const about = { isOfBranch: pinned !== undefined, ...(commitId === undefined ? {} : { commitId }) };
    if (!isDry) this.#refuse(by, problems, about);
    const cause = kind === 'refused' ? 'invalid' : kind;
    return { ...this.#inForce(), ok: false, problems, cause, restart: [] };
  }

  /** Loads, judges, swaps. */
  async #enter(wanted: Wanted, entrance: Entrance): Promise<ReloadAnswer> {
    const { by, source, confirm, rollback, isDry } = entrance;
    const commit = 'commit' in wanted ? wanted.commit : undefined;
    const judged = await this.#judge(wanted);
    if (Array.isArray(judged)) return this.#invalid(entrance, judged, commit);
    const { definitions, plan } = judged;
    const { revision } = definitions;
    if (confirm !== undefined && !isNamed(confirm, revision, commit)) {
      const now = commit === undefined ? revision : `${revision} (commit ${short(commit.id)})`;
      const problems = [`what would be loaded now is ${now}, not ${confirm}; look at \`mendd plan\` again`];
      return { ...this.#inForce(), ok: false, problems, cause: 'not_confirmed', restart: [], plan };
    }
    if (plan.hold.length > 0 && confirm === undefined && rollback === undefined) {
      const about = commit === undefined ? {} : { commit: commit.id };
      return this.#hold(entrance, { revision, why: plan.hold, ...about }, plan);
    }
    const restart = [...plan.restart];
    if (isDry)
      return { revision, ...(commit && { commit: commit.id }), ok: true, problems: [], restart, plan };
    const problem = await this.#swap(definitions);
    if (problem !== undefined) return this.#invalid(entrance, [problem], commit);
    this.#source = source;
    this.resolved = judged.resolved;
    this.#misfit = [];
    this.#follower.taken();
    this.#state = { loadedAtMs: this.#options.clock.nowMs(), ok: true, problems: [] };
    const event = rollback && ({ event: 'definitions.rolled_back', reason: rollback.reason } as const);
    const confirmed = confirm !== undefined && plan.hold.length > 0 && { confirmed: plan.hold };
    this.#record.loaded(by, plan, { ...event, ...confirmed, ...(commit && { commit: commit.id }) });
    if (commit !== undefined && source !== undefined)
      await this.#pin(source, commit, rollback ?? source.pin?.rollback);
    return { ...this.#inForce(), ok: true, problems: [], restart, plan };
  }

  /**
   * What was read last, in the world of now: other hosts of inventories, other facts. The files are not looked at. Never held: what
   * may vanish at once is bounded where the world is heard. `by`: what changed, a word.
   */
  refresh(by: string): Promise<void> {
    return this.#alone(async () => {
      const { read } = this.resolved;
      if (read === undefined || this.#ending.signal.aborted) return;
      const judged = await this.#judge({ read });
      const problem =
        Array.isArray(judged) || isSame(judged.plan) ? undefined : await this.#swap(judged.definitions);
      if (!Array.isArray(judged) && problem === undefined) this.resolved = judged.resolved;
      this.#misfit = Array.isArray(judged) ? judged : problem === undefined ? [] : [problem];
      if (this.#misfit.length > 0) this.#record.refused(by, this.#misfit, undefined);
      else if (!Array.isArray(judged) && !isSame(judged.plan)) this.#record.loaded(by, judged.plan, {});
    });
  }

  #judge(wanted: Wanted): Promise<Judged | string[]> {
    return judge({ ...this.#options, atStart: this.#atStart }, wanted);
  }

  async #swap(definitions: Definitions): Promise<string | undefined> {
    try {
      await this.#options.swap(definitions);
      return undefined;
    } catch (error) {
      if (!(error instanceof MenddError)) throw error;
      return `${error.message} ${error.hint}`;
    }
  }

  /** It runs already; that it could not be written is told, and tried again with the next look at the branch. */
  async #pin(source: DefinitionsSource, commit: Commit, rollback: Rollback | undefined): Promise<void> {
    try {
      await source.pinTo(commit, rollback);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      const problem = `${source.git.directory}: which commit is in force cannot be written: ${message}`;
      this.#refuse('git', [problem], {});
    }
  }

  #invalid({ by, isDry }: Entrance, problems: string[], commit: Commit | undefined): ReloadAnswer {
    const answer: ReloadAnswer = { ...this.#inForce(), ok: false, problems, cause: 'invalid', restart: [] };
    if (isDry) return answer;
    const isNew = commit !== undefined && commit.id !== this.#source?.pin?.commit.id;
    if (isNew) this.#follower.notTaken(commit.id);
    this.#refuse(by, problems, isNew ? { commitId: commit.id, isOfBranch: true } : {});
    return answer;
  }

  #refuse(by: string, problems: string[], about: { commitId?: string; isOfBranch?: boolean }): void {
    if (this.#ending.signal.aborted) return;
    const { commitId, ...isOfBranch } = about;
    this.#state = { loadedAtMs: this.#state.loadedAtMs, ok: false, problems, ...isOfBranch };
    this.#record.refused(by, problems, commitId);
  }

  #hold({ by, isDry }: Entrance, held: HeldReload, plan: DefinitionsPlan): ReloadAnswer {
    const { commit } = held;
    const problems = held.why.map((why) => `held: ${why}`);
    const answer = { ...this.#inForce(), ok: false, problems, restart: [], held, plan };
    if (isDry) return { ...answer, cause: 'held' };
    if (commit !== undefined) this.#follower.notTaken(commit);
    const { loadedAtMs } = this.#state;
    this.#state = { loadedAtMs, ok: false, problems, held, isOfBranch: commit !== undefined };
    this.#record.held(by, held, plan);
    return { ...answer, cause: 'held' };
  }

  /** To an earlier commit, and there it stays; or to following the branch again. */
  rollback(request: RollbackRequest): Promise<ReloadAnswer | Rejected> {
    return this.#alone(async () => {
      const { by, reason, resume, isDry = false } = request;
      const source = this.#source;
      const pin = source?.pin;
      if (source === undefined || pin === undefined)
        return rejected(
          409,
          'not_git',
          'The definitions do not come from git: there is nothing to go back to.',
        );
      if (resume) {
        if (pin.rollback === undefined)
          return rejected(409, 'not_rolled_back', 'The branch is followed already.');
        if (isDry) return this.#dryResume(by, source);
        await this.#pin(source, pin.commit, undefined);
        this.#record.resumed(by, reason);
        return this.#reload({ by });
      }
      const after = pin.valid.findIndex(({ id }) => id === pin.commit.id) + 1;
      const beginning = request.commit ?? pin.valid[after]?.id;
      if (beginning === undefined)
        return rejected(409, 'no_earlier_commit', 'No other commit was in force before this one.');
      const brought = await source.bringCommit(beginning);
      if ('kind' in brought) return rejected(422, 'no_such_commit', brought.problems.join('; '));
      const rollback = { by, reason, sinceMs: this.#options.clock.nowMs() };
      return this.#enter(brought, { by, source, rollback, isDry });
    });
  }

  async #dryResume(by: string, source: DefinitionsSource): Promise<ReloadAnswer> {
    const entrance = { by, source, isDry: true };
    const brought = await source.bring();
    return 'kind' in brought ? this.#without(brought, entrance, source) : this.#enter(brought, entrance);
  }

  /** What would change; nothing does. */
  plan(request: PlanRequest): Promise<PlanAnswer> {
    return this.#alone(async () => {
      const wanted = await this.#wantedBy(request);
      if ('kind' in wanted)
        return { kind: wanted.kind === 'refused' ? 'invalid' : wanted.kind, problems: wanted.problems };
      const judged = await this.#judge(wanted);
      if (Array.isArray(judged)) return { kind: 'invalid', problems: judged };
      const { plan, warnings } = judged;
      return { kind: 'plan', plan, warnings, ...('commit' in wanted ? { commit: wanted.commit.id } : {}) };
    });
  }

  async #wantedBy({ branch, commit, directory }: PlanRequest): Promise<Wanted | NotBrought> {
    if (directory !== undefined) return { directory };
    const source = this.#sourceOf(readSource(this.#options.configFile).git);
    if (source !== undefined && commit !== undefined) return source.bringCommit(commit);
    if (source !== undefined) return source.bring(branch === undefined ? undefined : { branch });
    if (branch === undefined && commit === undefined) return {};
    return { kind: 'unreachable', problems: ['the definitions do not come from git; name a directory'] };
  }

  view(): ConfigView {
    const { ok, problems, ...state } = this.#state;
    const isOk = ok && this.#misfit.length === 0;
    const newest = { ...state, ok: isOk, problems: [...problems, ...this.#misfit] };
    return configView(this.#options.current(), newest, this.#source?.pin, this.#follower.head);
  }

  #inForce(): Pick<ReloadAnswer, 'revision' | 'commit'> {
    const commit = this.#source?.pin?.commit.id;
    return { revision: this.#options.current().revision, ...(commit === undefined ? {} : { commit }) };
  }

  #sourceOf(git: GitSource | undefined): DefinitionsSource | undefined {
    const { clock } = this.#options;
    return git && new DefinitionsSource(git, { clock, signal: this.#ending.signal });
  }

  /** One after the other, in the order they were asked for. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#running.then(work);
    this.#running = Promise.allSettled([done]);
    return done;
  }
}
