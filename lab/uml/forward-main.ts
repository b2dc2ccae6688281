/**
 * Entry point of a command's way into a guest: `node forward-main.js ADDRESS PORT DIRECTORY COMMAND...`, started in the
 * network namespace that the guest is connected to, on the caller's streams.
 *
 * Exit status: that of the command, 125 when the guest could not run it.
 */
import { explain } from '../terminal.ts';
import { runInGuest } from './client.ts';
import type { StartRequest } from './frames.ts';
import { GUEST_ENVIRONMENT } from './guest-init.ts';

const [address = '', port = '', directory = '', ...argv] = process.argv.slice(2);
const { stdin, stdout, stderr } = process;
const onTerminal = stdin.isTTY && stdout.isTTY;
const request: StartRequest = {
  argv,
  directory,
  environment: { ...GUEST_ENVIRONMENT, ...(onTerminal ? { TERM: 'linux' } : {}) },
  ...(onTerminal ? { terminal: { rows: stdout.rows, columns: stdout.columns } } : {}),
};
try {
  if (onTerminal) stdin.setRawMode(true);
  process.exitCode = await runInGuest(address, Number(port), request, {
    input: stdin,
    output: stdout,
    error: stderr,
  });
} catch (error) {
  stderr.write(`lab: ${explain(error)}\n`);
  process.exitCode = 125;
} finally {
  if (onTerminal) stdin.setRawMode(false);
  stdin.destroy();
}
