/** Owns what an ntfy server gets: its JSON form, in which no text can become a header. Plain text, never Markdown. Pure. */
import type { NotifyTarget, Severity } from '../core/daemon-config.ts';
import type { HttpMessage } from './http-message.ts';
import type { Incident } from './incident.ts';
import { cutBytes } from './inert-text.ts';

/** Longer ones become attachments, which phones do not show. Bytes. */
const messageBytes = 4000;
const titleBytes = 250;

/** Names of emoji; ntfy shows them before the title. */
const tagOf: Readonly<Record<Severity, string>> = {
  critical: 'rotating_light',
  error: 'rotating_light',
  warning: 'warning',
  info: 'information_source',
};

export function ntfyMessage(
  { url, topic, token, priority }: Extract<NotifyTarget, { kind: 'ntfy' }>,
  { title, text, severity, resolved, url: click }: Incident,
): HttpMessage {
  const content = {
    topic,
    title: cutBytes(title, titleBytes),
    message: cutBytes(text.trimEnd(), messageBytes),
    // What is over need not wake anybody.
    priority: priority[resolved ? 'info' : severity],
    tags: [resolved ? 'white_check_mark' : tagOf[severity]],
    markdown: false,
    ...(click === undefined ? {} : { click }),
  };
  return {
    url,
    body: JSON.stringify(content),
    secrets: [url, token],
    ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token.reveal()}` } }),
  };
}
