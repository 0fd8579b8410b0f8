/** Who is at the page and what they may press. The daemon decides anyway; this only hides what it would refuse. */
import { computed, signal } from '@preact/signals';
import { type Answer, forgetAnswers, get, send, whenSignedOut } from './client.ts';

export type Scope = 'read' | 'ack' | 'act' | 'admin' | 'register';

export interface Session {
  name?: string;
  /** All that they imply are among them. */
  scopes: readonly Scope[];
  signedIn: boolean;
  canRead: boolean;
  version: string;
}

const path = '/api/v1/session';

/** undefined until the daemon has said. */
export const session = signal<Session | undefined>(undefined);

/** True when nothing can be read before somebody signs in. */
export const mustSignIn = computed(() => session.value !== undefined && !session.value.canRead);

/** Of the daemon that this page came from; its files are those of that version. */
const firstVersion = signal<string | undefined>(undefined);

/** The daemon was replaced while the page was open. */
export const isOutdated = computed(
  () =>
    firstVersion.value !== undefined &&
    session.value !== undefined &&
    session.value.version !== firstVersion.value,
);

export function may(scope: Scope): boolean {
  const who = session.value;
  return who !== undefined && (scope === 'read' ? who.canRead : who.scopes.includes(scope));
}

export async function loadSession(): Promise<void> {
  const answer = await get<Session>(path);
  if (!answer.ok) return;
  session.value = answer.value;
  firstVersion.value ??= answer.value.version;
}

export async function signIn(token: string): Promise<Answer<Session>> {
  const answer = await send<Session>('POST', path, { token }, { isSecret: true });
  if (answer.ok) {
    forgetAnswers();
    session.value = answer.value;
  }
  return answer;
}

export async function signOut(): Promise<Answer<void>> {
  const answer = await send<void>('DELETE', path);
  if (answer.ok) {
    forgetAnswers();
    await loadSession();
  }
  return answer;
}

// A token can expire or be revoked while the page is open.
whenSignedOut(() => {
  if (session.value?.canRead === true) void loadSession();
});
