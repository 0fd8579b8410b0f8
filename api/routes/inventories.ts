/** Sources of hosts: how old what they told is, what is wrong with them, and a person's word for hosts that vanished. */
import { describe } from '../openapi.ts';
import type { ApiOptions, ApiServer } from '../options.ts';
import { AcceptBody, Inventory, InventoryPath } from '../outside-shapes.ts';
import { pageBy } from '../paging.ts';
import { unlessRejected } from '../problems.ts';
import { DryQuery } from '../queries.ts';
import { PageQuery } from '../restraint-queries.ts';
import { pageOf } from '../shapes.ts';
import { toWire } from '../wire.ts';

export function inventoryRoutes(app: ApiServer, { daemon }: ApiOptions): void {
  app.route({
    method: 'GET',
    url: '/api/v1/inventories',
    config: { scope: 'read' },
    schema: {
      ...describe(
        'state',
        'listInventories',
        'Where hosts come from beside the hosts files',
        pageOf(Inventory),
      ),
      querystring: PageQuery,
    },
    handler: async ({ query }) => toWire(pageBy(daemon.outside.inventories(), ({ name }) => name, query)),
  });

  app.route({
    method: 'POST',
    url: '/api/v1/inventories/:name/accept',
    config: { scope: 'act' },
    schema: {
      ...describe('control', 'acceptInventory', 'Let the hosts go that a held answer lacks', Inventory),
      params: InventoryPath,
      querystring: DryQuery,
      body: AcceptBody,
    },
    handler: async ({ params, query, body, person }) => {
      const answer = { ...body, by: person, isDry: query.dry_run === true };
      return toWire(unlessRejected(daemon.outside.acceptInventory(params.name, answer)));
    },
  });
}
