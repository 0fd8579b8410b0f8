/** What a source of hosts answered, before anybody has read it. Plain data. */

/** Bytes of one answer. */
export const toldBytesLimit = 16_777_216;

export type Told = { ok: true; text: string } | { ok: false; problem: string };
