/**
 * Writes host routes with the project's netlink library and reads them back, several times over; prints the times
 * as JSON, those of the first pass apart.
 *
 *   node write-routes.js NAMESPACE_PATH DEVICE TABLE COUNT
 */
import { openRtnetlink, type Request } from '../../src/netlink/index.ts';
import { watchLoop } from '../../test/support/loop-watch.ts';
import { routeDestination } from '../support/addresses.ts';
import { medianOf } from '../support/statistics.ts';

const SCOPE_LINK = 253;

const [netns = '', device = '', table = '0', count = '0'] = process.argv.slice(2);
const netlink = openRtnetlink({ netns });
const index = (await netlink.links()).find((link) => link.name === device)?.index;
if (index === undefined) throw new Error(`no device ${device}`);

/** The first pass runs on cold code, as at the start of a daemon; the last ones as in its life. */
const PASSES = 7;

interface Pass {
  readonly addMs: number;
  readonly readMs: number;
}

function requests(op: 'add' | 'delete', device: number): Request[] {
  return Array.from(
    { length: Number(count) },
    (_, number): Request => ({
      type: 'route',
      op,
      route: {
        family: 4,
        table: Number(table),
        destination: routeDestination(number),
        protocol: 179,
        scope: SCOPE_LINK,
        index: device,
      },
    }),
  );
}

async function write(op: 'add' | 'delete', device: number): Promise<void> {
  const failures = await netlink.batch(requests(op, device));
  const failure = failures.find((each) => each !== undefined);
  if (failure !== undefined) throw failure;
}

const passes: Pass[] = [];
let read = 0;
let heldMs = 0;
for (let pass = 0; pass < PASSES; pass++) {
  if (pass > 0) await write('delete', index);
  // Watching costs time: that pass is not one of those that count.
  const loop = pass === PASSES - 1 ? watchLoop() : undefined;
  const began = performance.now();
  await write('add', index);
  const written = performance.now();
  read = (await netlink.routes({ family: 4, table: Number(table) })).length;
  const ended = performance.now();
  if (loop === undefined) passes.push({ addMs: written - began, readMs: ended - written });
  else heldMs = loop.stop().heldMs;
}
netlink.close();
const [cold, ...warm] = passes;
const [addMs, readMs] = [medianOf(warm, (pass) => pass.addMs), medianOf(warm, (pass) => pass.readMs)];
process.stdout.write(`${JSON.stringify({ addMs, readMs, read, heldMs, cold })}\n`);
