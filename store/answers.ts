/** Owns what was answered to requests with an Idempotency-Key, for a day. It does not know what the requests ask for. */
import type { AnswerBook, KeptAnswer, KeptRequest, KeyedRequest } from '../core/ledger-ports.ts';
import type { Connection } from './connection.ts';
import { present, pruner } from './rows.ts';
import { type Sealed, sealed, unsealed } from './seal.ts';

/** How long a key means the same request. Milliseconds. */
const keptMs = 86_400_000;
/** Keys of one token at a time. */
const keysPerToken = 5_000;
/** Rows that one new key clears away; more than come, so that none are left. */
const clearedAtOnce = 20;

interface Content {
  id: string;
  token: string;
  asked: string;
  at_ms: number;
  audit_seq: number;
  answer: string | null;
}

type Row = Sealed<Content>;

export type Answers = Pick<AnswerBook, 'takeKey' | 'keepAnswer'> & {
  prune: (beforeMs: number, batch: number) => number;
};

export function answerTable(db: Connection, file: string, auditSeq: () => number): Answers {
  const columns = 'id, token, asked, at_ms, audit_seq, answer, checksum';
  const insert = db.prepare<[Row]>(
    `INSERT INTO answers (${columns}) VALUES (:id, :token, :asked, :at_ms, :audit_seq, :answer, :checksum)`,
  );
  const byId = db.prepare<[string], Row>(`SELECT ${columns} FROM answers WHERE id = ?`);
  const update = db.prepare<[string, string, string]>(
    'UPDATE answers SET answer = ?, checksum = ? WHERE id = ?',
  );
  const remove = db.prepare<[string]>('DELETE FROM answers WHERE id = ?');
  const count = db.prepare<[string], number>('SELECT count(*) FROM answers WHERE token = ?').pluck();
  const prune = pruner(db, 'answers', 'at_ms < ?');

  const read = (id: string): Content | undefined => {
    const row = byId.get(id);
    return row && unsealed(row, file, `answer ${id}`);
  };

  const take = db.transaction((wanted: KeyedRequest): ReturnType<AnswerBook['takeKey']> => {
    const oldestMs = wanted.atMs - keptMs;
    prune(oldestMs, clearedAtOnce);
    const known = read(wanted.id);
    if (known !== undefined && known.at_ms >= oldestMs) return { kind: 'known', request: decode(known) };
    if (known !== undefined) remove.run(known.id);
    if ((count.get(wanted.token) ?? 0) >= keysPerToken) return { kind: 'full' };
    const { id, token, asked, atMs } = wanted;
    insert.run(sealed({ id, token, asked, at_ms: atMs, audit_seq: auditSeq(), answer: null }));
    return { kind: 'new' };
  });

  const keep = db.transaction((id: string, answer: KeptAnswer): void => {
    const row = read(id);
    if (row === undefined) return;
    const { answer: text, checksum } = sealed({ ...row, answer: JSON.stringify(answer) });
    update.run(text, checksum, id);
  });

  return {
    takeKey: (wanted) => take.immediate(wanted),
    keepAnswer: (id, answer) => keep.immediate(id, answer),
    prune,
  };
}

function decode({ id, token, asked, at_ms, audit_seq, answer }: Content): KeptRequest {
  const known = answer === null ? null : (JSON.parse(answer) as KeptAnswer);
  return { id, token, asked, atMs: at_ms, auditSeq: audit_seq, ...present({ answer: known }) };
}
