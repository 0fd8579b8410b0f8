/** Reads server-sent events from a fetch response. Knows the format and nothing of mendd. */

export interface SseMessage {
  id?: string;
  event: string;
  data: string;
}

/** One block of an event stream; undefined for comments and `retry`. Source: HTML, 9.2.6. */
function parseSseBlock(block: string): SseMessage | undefined {
  const message: SseMessage = { event: 'message', data: '' };
  let found = false;
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, '');
    if (name === 'retry') continue;
    found = true;
    if (name === 'id') message.id = value;
    if (name === 'event') message.event = value;
    if (name === 'data') message.data += value;
  }
  return found ? message : undefined;
}

export function parseSse(text: string): SseMessage[] {
  return text.split('\n\n').flatMap((block) => parseSseBlock(block) ?? []);
}

export interface SseReader {
  /** All that came so far. */
  messages: SseMessage[];
  /** Comment lines, such as heartbeats. */
  comments: string[];
  /** Resolves when the server ended the stream. */
  ended: Promise<void>;
  close(): void;
}

/** Opens a stream and collects; wait on `messages` with vi.waitFor. Errors: a status other than 200. */
export async function openSse(url: string, headers: Record<string, string> = {}): Promise<SseReader> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  if (response.status !== 200 || response.body === null) {
    throw new Error(`${url} answered ${response.status}: ${await response.text()}`);
  }
  const messages: SseMessage[] = [];
  const comments: string[] = [];
  const decoder = new TextDecoder();
  const body = response.body;
  async function read(): Promise<void> {
    let pending = '';
    for await (const chunk of body) {
      const blocks = (pending + decoder.decode(chunk, { stream: true })).split('\n\n');
      pending = blocks.pop() ?? '';
      for (const block of blocks) {
        if (block.startsWith(':')) comments.push(block);
        const message = parseSseBlock(block);
        if (message !== undefined) messages.push(message);
      }
    }
  }
  const ended = read().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return { messages, comments, ended, close: () => abort.abort() };
}
