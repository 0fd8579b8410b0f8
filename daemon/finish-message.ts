/**
 * Puts the last touch to what people are told: links, and the words of the route or the target. A template that cannot be
 * rendered costs nobody the message: the built-in words go out, and say so.
 */
import { withLinks } from '../actions/deep-links.ts';
import { cutBytes, inert, inertLine } from '../actions/inert-text.ts';
import type { MessageBody } from '../actions/message-words.ts';
import { type MessageScope, type ProblemScope, renderMessage } from '../config/message-templates.ts';
import type { Definitions } from '../core/definitions.ts';

/** Bytes. */
const longestSubject = 200;
const longestText = 20_000;

export function finishMessage(
  definitions: Definitions,
  body: MessageBody,
  { target, route = '' }: { target: string; route?: string },
): MessageBody {
  const { api, notify, messages } = definitions.daemon;
  const linked = withLinks(body, api.publicUrl);
  const ofRoute = messages?.routes.find(({ name }) => name === route)?.words;
  const words = { ...notify.get(target)?.words, ...ofRoute };
  const isStory = body['kind'] === 'problem' || body['kind'] === 'recovery';
  if (!isStory || (words.subject === undefined && words.text === undefined)) return linked;
  const made = renderMessage(words, scopeOf(definitions, linked, target, route));
  if ('problem' in made) {
    const note = `(These are the built-in words: the template of ${route === '' || ofRoute === undefined ? target : route} could not be rendered: ${inertLine(made.problem)}.)`;
    return {
      ...linked,
      text: `${linked.text.trimEnd()}\n\n${note}\n`,
      templateProblem: inertLine(made.problem),
    };
  }
  const subject = cutBytes(inertLine(made.subject ?? ''), longestSubject);
  const text = cutBytes(inert(made.text ?? '').trimEnd(), longestText);
  return {
    ...linked,
    subject: subject === '' ? linked.subject : subject,
    text: text === '' ? linked.text : `${text}\n`,
  };
}

function scopeOf({ hosts }: Definitions, body: MessageBody, target: string, route: string): MessageScope {
  const told = Array.isArray(body['problems']) ? (body['problems'] as Record<string, unknown>[]) : [];
  const of = (data: Readonly<Record<string, unknown>>): ProblemScope => {
    const text = (name: string): string => (typeof data[name] === 'string' ? data[name] : '');
    return {
      host: text('host'),
      check: text('check'),
      runbook: text('runbook'),
      state: text('state'),
      severity: text('severity'),
      output: text('output'),
      since: text('since'),
      lasted: text('lasted'),
      url: text('url'),
      over: data['over'] !== undefined || body['kind'] === 'recovery',
      labels: hosts.get(text('host'))?.labels ?? {},
    };
  };
  const problems = told.length === 0 ? [of(body)] : told.map(of);
  const first = problems[0] ?? of(body);
  return {
    ...first,
    output: typeof body['output'] === 'string' ? body['output'] : first.output,
    url: typeof body['url'] === 'string' ? body['url'] : first.url,
    severity: typeof body['severity'] === 'string' ? body['severity'] : first.severity,
    kind: typeof body['say'] === 'string' ? body['say'] : String(body['kind']),
    title: inertLine(body.subject).replace(/^\[mendd\] /, ''),
    text: body.text,
    target,
    route,
    count: problems.length,
    problems,
  };
}
