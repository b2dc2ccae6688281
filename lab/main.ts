/** Entry point of `npm run lab`. */
import { labCli } from './cli.ts';

process.exitCode = await labCli(process.argv.slice(2), {
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
});
