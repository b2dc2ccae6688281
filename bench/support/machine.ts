/** One line on what the figures were taken on: processors, what else kept them busy, kernel, and the versions that matter. */
import { execFile } from 'node:child_process';
import { availableParallelism, loadavg, release, type as systemType } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

export async function describeMachine(): Promise<string> {
  const versions = await Promise.all([
    version('FRR', '/usr/lib/frr/zebra', ['--version'], /version (\S+)/),
    version('Open vSwitch', 'ovs-vswitchd', ['--version'], /\) (\S+)/),
    version('iproute2', 'ip', ['-V'], /iproute2-(\S+?),/),
    version('Python', '/usr/bin/python3', ['--version'], /Python (\S+)/),
    version(
      'pyroute2',
      '/usr/bin/python3',
      ['-c', "from importlib.metadata import version; print(version('pyroute2'))"],
      /(\S+)/,
    ),
    version('Python agent', 'dpkg-query', ['--status', 'ovn-bgp-agent'], /^Version: ([\d.]+)/m),
  ]);
  const kernel = `${systemType()} ${/^[\d.]+/.exec(release())?.[0] ?? release()}`;
  const found = [
    kernel,
    `Node.js ${process.versions.node}`,
    ...versions.filter((text) => text !== undefined),
  ];
  const load = (loadavg()[0] ?? 0).toFixed(1);
  return `${availableParallelism()} processors, load ${load} before the start; ${found.join(', ')}`;
}

async function version(
  name: string,
  program: string,
  args: readonly string[],
  pattern: RegExp,
): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, args);
    const found = pattern.exec(stdout)?.[1];
    return found === undefined ? undefined : `${name} ${found}`;
  } catch {
    return undefined;
  }
}
