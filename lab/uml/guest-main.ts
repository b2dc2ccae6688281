/**
 * Entry point of the command channel in the guest: `node guest-main.js ADDRESS PORT`.
 *
 * Says on standard output when connections are taken: the line is what the machine waits for on the guest's console.
 */

import { READY_LINE } from './guest-init.ts';
import { serveCommands } from './guest-server.ts';

const [address = '', port = ''] = process.argv.slice(2);
await serveCommands(address, Number(port));
process.stdout.write(`${READY_LINE}\n`);
