/**
 * Loads the Southbound tables that the agent replicates, and prints how long it took and how long the event loop was
 * held, as JSON.
 *
 *   node load-replica.js REMOTE ROWS
 */
import { SOUTHBOUND } from '../../src/ovn/southbound-schema.ts';
import { OvsdbClient } from '../../src/ovsdb/index.ts';
import { watchLoop } from '../../test/support/loop-watch.ts';

const [remotes = '', rows = '0'] = process.argv.slice(2);
const client = new OvsdbClient({ remotes, database: SOUTHBOUND.name });
const replica = client.replicate(SOUTHBOUND);
const loop = watchLoop();
const began = performance.now();
client.start();
await replica.whenSynchronized(AbortSignal.timeout(120_000));
const loadMs = performance.now() - began;
const hold = loop.stop();
if (replica.tables.Port_Binding.size !== Number(rows)) {
  throw new Error(`${replica.tables.Port_Binding.size} rows instead of ${rows}`);
}
await client.close();
process.stdout.write(`${JSON.stringify({ loadMs, ...hold })}\n`);
