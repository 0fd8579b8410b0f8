/** Owns the keys under `api` of the daemon file. */
import { map, text } from './fields.ts';
import { hostAndPort } from './names.ts';

/** As people reach it, through a proxy or not; without a slash at its end. */
function publicUrl() {
  const shape = { examples: ['https://mendd.example.com'] };
  return text('a URL', shape, (input) => {
    const example = 'write for example `https://mendd.example.com`';
    const url = URL.canParse(input) ? new URL(input) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol))
      return { problem: `\`${input.slice(0, 80)}\` is no http or https URL; ${example}` };
    if (url.username !== '' || url.password !== '')
      return { problem: `holds a user or password, which every message would tell; ${example}` };
    if (url.search !== '' || url.hash !== '')
      return { problem: `\`${input.slice(0, 80)}\` has a query or fragment; ${example}` };
    if (url.pathname !== '/')
      return { problem: `\`${input.slice(0, 80)}\` has a path; the page needs a host name of its own` };
    return { value: url.origin };
  });
}

export const apiSchema = map(
  {
    listen: hostAndPort('127.0.0.1:8420', 0)
      .prefault('127.0.0.1:8420')
      .meta({ description: 'Address and port of the API and the page.' }),
    public_url: publicUrl().optional().meta({
      description:
        'Under which people reach the page; for links in messages. Its host name is taken as the daemon’s own.',
    }),
  },
  'tls tokens cors base_path',
)
  .prefault({})
  .meta({ description: 'The HTTP API and the page.' });
