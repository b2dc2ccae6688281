/**
 * Entry point of `npm run demo`: `-- [--driver nb|sb] [--keep] [--name NAME]`.
 *
 * Exit status: 0 everything was reachable, 1 something was not, 2 wrong usage, 130 interrupted.
 */
import { parseArgs } from 'node:util';
import { type AgentDriver, LabAgent } from './agent-process.ts';
import { type DemoAgents, runDemo } from './demo.ts';
import { DEFAULT_LAB, Lab } from './lab.ts';
import { explain } from './terminal.ts';

const USAGE = 'usage: npm run demo [-- [--driver nb|sb] [--keep] [--name NAME]]';

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function agentsOf(driver: AgentDriver): DemoAgents {
  const database = driver === 'nb' ? 'Northbound' : 'Southbound';
  return {
    description: `ovn-bgp-agent, ${database} driver,`,
    gateway6: driver === 'nb' ? 'subnet' : 'link-local',
    routers: true,
    start: async (lab, node) => {
      await LabAgent.start(lab, node, { driver, settings: { DEFAULT: { expose_tenant_networks: 'true' } } });
    },
    stop: (lab, node) => new LabAgent(lab, node).stop(),
    log: async (lab, node) => (await new LabAgent(lab, node).log()).map(({ text }) => text),
  };
}

async function main(argv: readonly string[]): Promise<number> {
  let options: { driver: string; keep: boolean; name: string; help: boolean };
  try {
    options = parseArgs({
      args: [...argv],
      options: {
        driver: { type: 'string', default: 'nb' },
        keep: { type: 'boolean', default: false },
        name: { type: 'string', default: DEFAULT_LAB },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
    return 2;
  }
  const { driver, keep, name, help } = options;
  if (help) {
    print(USAGE);
    return 0;
  }
  if (driver !== 'nb' && driver !== 'sb') {
    process.stderr.write(`demo: there is no driver ${driver}\n${USAGE}\n`);
    return 2;
  }
  // A lab that stood before is somebody's: only what this demonstration built may be taken down by an interrupt.
  const stoodBefore = (await Lab.list()).includes(name);
  const interrupted = (): void => {
    void (async () => {
      print('interrupted: taking the lab down');
      if (!stoodBefore) await Lab.down(name);
      process.exit(130);
    })();
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return (await runDemo({ name, keep, agents: agentsOf(driver) }, print)) ? 0 : 1;
  } catch (error) {
    process.stderr.write(`demo: ${explain(error)}\n`);
    if (!stoodBefore && !keep) await Lab.down(name);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
