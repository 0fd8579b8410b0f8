/** What the API answers about messages and their targets, as far as the commands read it. Times are RFC 3339. */

export interface NotifyTargetRow {
  name: string;
  kind: string;
  to?: string;
}

export interface NotifyTestAnswer {
  target: string;
  kind: string;
  ok: boolean;
  error?: string;
  note?: string;
  answer?: string;
  tookMs: number;
}

export interface MessageRow {
  id: string;
  target: string;
  kind: string;
  subject: string;
  status: 'waiting' | 'sent' | 'dead' | 'dismissed';
  createdAt: string;
  attempts: number;
  nextAttemptAt?: string;
  lastError?: string;
}

export interface RouteStory {
  host: string;
  check: string;
  severity: string;
  observing?: true;
  ladders: {
    ladder: string;
    unwatched?: true;
    own?: string;
    routes: { route: string; taken: boolean; why: string }[];
    targets: {
      target: string;
      route?: string;
      quietEndsAt?: string;
      waitMs?: number;
      pageAfterMs?: number;
    }[];
    told: { target: string; route: string; since?: string; hold?: string }[];
  }[];
}
