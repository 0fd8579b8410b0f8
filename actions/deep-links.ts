/** Owns where a message leads: the page of what it is about, as people reach it. Pure; without `api.public_url` there is no link. */
import type { MessageBody } from './message-words.ts';

export function incidentUrl(base: string | undefined, host: string, check: string): string | undefined {
  return base && `${base}/incidents/${encodeURIComponent(host)}/${encodeURIComponent(check)}`;
}

/** The same message with a link in its text and its data: to the question, the incident, or the page as a whole. */
export function withLinks(body: MessageBody, base: string | undefined): MessageBody {
  if (base === undefined) return body;
  const { host, check, tried, kind } = body;
  const incident =
    typeof host === 'string' && typeof check === 'string' ? incidentUrl(base, host, check) : undefined;
  const url = kind === 'approval' ? `${base}/approvals` : (incident ?? `${base}/`);
  return {
    ...body,
    text: `${body.text.trimEnd()}\n\nLook: ${url}\n`,
    url,
    page: `${base}/`,
    ...(Array.isArray(tried) ? { tried: tried.map((run) => withRunUrl(run, base)) } : {}),
  };
}

function withRunUrl(run: unknown, base: string): unknown {
  if (typeof run !== 'object' || run === null || !('run' in run)) return run;
  return { ...run, url: `${base}/runs/${encodeURIComponent(String(run.run))}` };
}
