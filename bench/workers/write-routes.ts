/**
 * Writes host routes with the project's netlink library and reads them back; prints the times as JSON.
 *
 *   node write-routes.js NAMESPACE_PATH DEVICE TABLE COUNT
 */
import { openRtnetlink, type Request } from '../../src/netlink/index.ts';
import { routeDestination } from '../support/addresses.ts';
import { watchLoop } from './loop-watch.ts';

const SCOPE_LINK = 253;

const [netns = '', device = '', table = '0', count = '0'] = process.argv.slice(2);
const netlink = openRtnetlink({ netns });
const index = (await netlink.links()).find((link) => link.name === device)?.index;
if (index === undefined) throw new Error(`no device ${device}`);

const loop = watchLoop();
const began = performance.now();
const requests = Array.from(
  { length: Number(count) },
  (_, number): Request => ({
    type: 'route',
    op: 'add',
    route: {
      family: 4,
      table: Number(table),
      destination: routeDestination(number),
      protocol: 179,
      scope: SCOPE_LINK,
      index,
    },
  }),
);
const failures = await netlink.batch(requests);
const written = performance.now();
const found = await netlink.routes({ family: 4, table: Number(table) });
const ended = performance.now();
const hold = loop.stop();
const failure = failures.find((each) => each !== undefined);
if (failure !== undefined) throw failure;
netlink.close();
process.stdout.write(
  `${JSON.stringify({ addMs: written - began, readMs: ended - written, read: found.length, ...hold })}\n`,
);
