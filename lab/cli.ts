/**
 * `npm run lab -- up | down | status | list | exec NODE -- CMD... | sh NODE | logs NODE [FILE] | guest ...`.
 *
 * A lab stands on this machine's kernel, or in a guest of the same name (`up --kernel uml`); the commands are the same.
 *
 * Exit status: 0 done, 1 failed (the reason is on standard error), 2 wrong usage, 69 no guest could be made or booted;
 * `exec` and `sh` have that of the command they ran.
 */
import { Command, CommanderError, Option } from 'commander';
import { ADDRESSINGS, type Addressing, FABRIC_KINDS, type FabricKind } from './hwol.ts';
import { DEFAULT_LAB, Lab } from './lab.ts';
import { CENTRAL_ADDRESS, isNodeName, NODE_NAMES } from './layout.ts';
import { LabError } from './machine.ts';
import type { LabNode } from './node.ts';
import type { ChassisPlan } from './programs.ts';
import { labStatus } from './status.ts';
import { explain, type Print, progressPrinter } from './terminal.ts';
import { addGuestCommands, bootGuest, type GuestFlags, runLabIn, withGuestOptions } from './uml/commands.ts';
import { Guest } from './uml/guest.ts';
import { seconds } from './until.ts';

const USAGE_STATUS = 2;
/** EX_UNAVAILABLE of sysexits(3): tells a machine without guests from a command that failed in one. */
const NO_GUEST_STATUS = 69;
const NO_GUEST_CODES: ReadonlySet<string> = new Set(['machine', 'build', 'guest']);

export interface CliOutput {
  readonly out: Print;
  readonly err: Print;
}

/** Runs one command line and returns the exit status; never throws. */
export async function labCli(argv: readonly string[], output: CliOutput): Promise<number> {
  let status = 0;
  const program = buildProgram(argv, output, (code) => {
    status = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return status;
  } catch (error) {
    // Commander has printed its message or the help text.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_STATUS;
    output.err(`lab: ${explain(error)}`);
    if (!(error instanceof LabError)) return 1;
    if (error.code === 'usage') return USAGE_STATUS;
    return NO_GUEST_CODES.has(error.code) ? NO_GUEST_STATUS : 1;
  }
}

interface UpFlags extends GuestFlags {
  readonly kernel: 'own' | 'uml';
  readonly secondBridge?: true;
  readonly datapath?: ChassisPlan['datapath'];
  readonly fabric: FabricKind;
  readonly addressing?: Addressing;
}

function buildProgram(argv: readonly string[], output: CliOutput, exit: (code: number) => void): Command {
  const program = new Command('lab')
    .description('A spine-leaf fabric with real OVN, Open vSwitch and FRR, on this machine or in a guest')
    .option('-n, --name <name>', 'name of the lab; labs of different names stand side by side', DEFAULT_LAB)
    .exitOverride()
    .showHelpAfterError('(lab --help tells more)')
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => output.out(text.trimEnd()),
      writeErr: (text) => output.err(text.trimEnd()),
    });
  const name = (): string => program.opts<{ name: string }>().name;

  /** What is done to a lab on this machine; one in a guest does it there. */
  const onLab =
    <A extends readonly unknown[]>(action: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      const guest = await Guest.find(name());
      if (guest === undefined) await action(...args);
      else exit(await runLabIn(guest, argv));
    };

  withGuestOptions(
    program
      .command('up')
      .description('build the lab and wait until it has converged')
      .option('--second-bridge', 'a second provider bridge, br-ex2 on physnet2')
      .addOption(
        new Option('--datapath <type>', "Open vSwitch's data path, where the kernel leaves a choice").choices(
          ['netdev', 'system'],
        ),
      )
      .addOption(
        new Option(
          '--fabric <kind>',
          'routed: devices are of the kernel; hwol: they are in Open vSwitch bridges',
        )
          .choices(FABRIC_KINDS)
          .default('routed'),
      )
      .addOption(
        new Option('--addressing <kind>', 'fabric hwol: how nodes and leafs speak BGP').choices(ADDRESSINGS),
      )
      .addOption(
        new Option('--kernel <kernel>', "this machine's own, or User Mode Linux in a guest")
          .choices(['own', 'uml'])
          .default('own'),
      ),
  ).action(async (flags: UpFlags) => {
    if (flags.kernel === 'uml') exit(await upInGuest(name(), flags, output));
    else await up(name(), flags, output);
  });

  program
    .command('down')
    .description('take the lab away, whatever is left of it; its guest, too')
    .action(async () => {
      const was = (await Guest.down(name())) || (await Lab.down(name()));
      output.out(was ? `lab "${name()}" is gone` : `there was no lab "${name()}"`);
    });

  program
    .command('list')
    .description('names of the labs that stand, or that something is left of')
    .action(async () => {
      const names = new Set([...(await Lab.list()), ...(await Guest.names())]);
      for (const lab of [...names].sort()) output.out(lab);
    });

  program
    .command('status')
    .description('nodes, programs, BGP sessions, chassis; fails when something is not as it should be')
    .action(
      onLab(async () => {
        const { lines, healthy } = await labStatus(await Lab.attach(name()));
        for (const line of lines) output.out(line);
        exit(healthy ? 0 : 1);
      }),
    );

  program
    .command('exec')
    .description('run a command in a node or virtual machine: lab exec compute1 -- ip route')
    .argument('<node>', NODE_NAMES.join(', '))
    .argument('<command...>')
    .passThroughOptions()
    .action(
      onLab(async (nodeName: string, command: readonly string[]) => {
        const [first, ...rest] = command;
        exit(await (await findNode(name(), nodeName)).interact(first === '--' ? rest : command));
      }),
    );

  program
    .command('sh')
    .description('a shell in a node or virtual machine')
    .argument('<node>', NODE_NAMES.join(', '))
    .action(
      onLab(async (nodeName: string) => {
        const node = await findNode(name(), nodeName);
        exit(await node.interact(['bash', '--norc', '-i']));
      }),
    );

  program
    .command('logs')
    .description('the log files of a node, or one of them')
    .argument('<node>', NODE_NAMES.join(', '))
    .argument('[file]', 'as the list has it, for example frr/frr.log')
    .action(
      onLab(async (nodeName: string, file: string | undefined) => {
        const node = await findNode(name(), nodeName);
        if (file === undefined) {
          for (const log of await logFiles(node)) output.out(log);
          return;
        }
        const text = file.split('/').includes('..') ? undefined : await node.read(`/var/log/${file}`);
        if (text === undefined) throw new LabError('usage', `${nodeName} has no log ${file}`);
        output.out(text.trimEnd());
      }),
    );

  addGuestCommands(program, { print: output.out, name, exit });
  return program;
}

async function up(name: string, flags: UpFlags, output: CliOutput): Promise<void> {
  if ((await Guest.names()).includes(name)) {
    throw new LabError('already-up', `there is a lab "${name}" in a guest already`);
  }
  const lab = await Lab.up(
    {
      name,
      secondBridge: flags.secondBridge === true,
      fabric: flags.fabric,
      ...(flags.addressing === undefined ? {} : { addressing: flags.addressing }),
      ...(flags.datapath === undefined ? {} : { datapath: flags.datapath }),
    },
    progressPrinter(output.out),
  );
  output.out(`lab "${lab.name}" is up after ${seconds(lab.blueprint.upMs)}: ${NODE_NAMES.join(', ')}`);
  output.out(`OVN databases in the lab: tcp:${CENTRAL_ADDRESS}:6641 (NB), :6642 (SB); try: lab sh compute1`);
}

async function upInGuest(name: string, flags: UpFlags, output: CliOutput): Promise<number> {
  if ((await Lab.list()).includes(name)) {
    throw new LabError('already-up', `there is a lab "${name}" on this machine's own kernel already`);
  }
  const guest = await bootGuest(name, flags, output.out);
  return runLabIn(guest, [
    '--name',
    name,
    'up',
    ...(flags.secondBridge === true ? ['--second-bridge'] : []),
    ...(flags.datapath === undefined ? [] : ['--datapath', flags.datapath]),
    '--fabric',
    flags.fabric,
    ...(flags.addressing === undefined ? [] : ['--addressing', flags.addressing]),
  ]);
}

async function findNode(labName: string, nodeName: string): Promise<LabNode> {
  const lab = await Lab.attach(labName);
  if (isNodeName(nodeName)) return lab.node(nodeName);
  const hosts = await lab.hosts();
  const host = hosts.includes(nodeName) ? await lab.host(nodeName) : undefined;
  if (host !== undefined) return host;
  throw new LabError(
    'usage',
    `no node ${nodeName} in lab "${labName}": ${[...NODE_NAMES, ...hosts].join(', ')}`,
  );
}

/** Below /var/log, one level of directories deep. */
async function logFiles(node: LabNode): Promise<readonly string[]> {
  const { stdout } = await node.exec(['find', '/var/log', '-type', 'f', '-printf', '%P  %s bytes\n']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort((a, b) => (a < b ? -1 : 1));
}
