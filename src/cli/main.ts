/** `ovn-bgp-agent`: parses the command line and hands over to the commands. Wrong usage ends with exit code 64. */
import { Command, CommanderError } from 'commander';
import { registerCleanupCommand } from './cleanup-command.ts';
import { registerConfigCommand } from './config-command.ts';
import { registerDocsCommand } from './docs-command.ts';
import { EXIT } from './exit-codes.ts';
import type { CommandIo } from './io.ts';
import { registerLocalOvnCommand } from './local-ovn-command.ts';
import { registerPlanCommand } from './plan-command.ts';
import { registerRunCommand } from './run-command.ts';
import { VERSION } from './version.ts';

const io: CommandIo = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  setExitCode: (code) => {
    process.exitCode = code;
  },
};

const program = new Command('ovn-bgp-agent')
  .description('Makes the addresses of an OVN cloud reachable over BGP')
  .version(VERSION)
  .showSuggestionAfterError()
  .exitOverride()
  .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) });

for (const register of [
  registerRunCommand,
  registerPlanCommand,
  registerLocalOvnCommand,
  registerCleanupCommand,
  registerConfigCommand,
  registerDocsCommand,
]) {
  register(program, io);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    io.setExitCode(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
  } else {
    io.stderr(`ovn-bgp-agent: ${error instanceof Error ? error.message : String(error)}\n`);
    // Whatever is still open must not keep a command alive that has failed.
    process.exit(EXIT.failed);
  }
}
