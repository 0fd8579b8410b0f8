/**
 * Owns what a Slack-compatible incoming webhook gets (Slack, Mattermost, Rocket.Chat and the like). Nothing of a host or a
 * plugin in it can mention anybody, link or format. Pure.
 */
import type { NotifyTarget } from '../core/definitions.ts';
import type { HttpMessage } from './http-message.ts';
import type { Incident } from './incident.ts';
import { cutBytes } from './inert-text.ts';

/** Of Slack: 150 and 3,000 characters; what is escaped is longer than what is shown. */
const headerBytes = 120;
const sectionBytes = 2400;

/**
 * `blocks` are plain text, in which Slack reads no marks; `text` is what notifications show, and all that those who know no blocks
 * show: it is code, in which nobody reads marks.
 */
export function slackMessage(
  { url }: Extract<NotifyTarget, { kind: 'slack' }>,
  { title, text, resolved, url: link }: Incident,
): HttpMessage {
  const head = cutBytes(`${resolved ? '✅' : '🔔'} ${title}`, headerBytes);
  const body = cutBytes(text.trimEnd(), sectionBytes);
  const content = {
    text: `\`${asCode(head)}\`\n\`\`\`\n${asCode(body)}\n\`\`\``,
    blocks: [
      { type: 'header', text: plainText(head, 150) },
      { type: 'section', text: plainText(body, 3000) },
      ...(link === undefined ? [] : [{ type: 'section', text: { type: 'mrkdwn', text: `<${link}|Look>` } }]),
    ],
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
  };
  return { url, body: JSON.stringify(content), secrets: [url] };
}

/** `limit`: characters after escaping. An escape that is cut off would show as such, so the text is cut before. */
function plainText(text: string, limit: number): Record<string, unknown> {
  let shown = text;
  while (escaped(shown).length > limit) shown = cutBytes(shown, Math.floor(Buffer.byteLength(shown) * 0.8));
  return { type: 'plain_text', text: escaped(shown), emoji: false };
}

/** In code, only its own end has a meaning. Some servers look for names there all the same: the gap keeps them from finding one. */
function asCode(text: string): string {
  return escaped(text).replaceAll('`', "'").replaceAll('@', '@\u200b');
}

/** The three characters that Slack reads as control sequences. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
