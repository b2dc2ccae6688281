/**
 * Questions to the fabric: which routes a node has in its kernel, what its BGP says, which chassis OVN knows.
 *
 * Answers are plain data, sorted. What a node does not have is an empty list, never an error; a program that cannot be
 * asked is a `CommandError`.
 */
import { CHASSIS, type FabricPort, type NodeName, ROUTERS, type Router, type RouterName } from './layout.ts';
import { LabError } from './machine.ts';
import type { LabNode } from './node.ts';

/** A route in the kernel's main table. */
export interface FabricRoute {
  /** `address/length` for everything, host routes included; default routes are `0.0.0.0/0` and `::/0`. */
  readonly prefix: string;
  /** Name or number of the protocol: `bgp`, `kernel`, `179`. */
  readonly protocol: string;
  readonly type: string;
  readonly metric: number;
  readonly nextHops: readonly FabricNextHop[];
}

export interface FabricNextHop {
  readonly device: string;
  /** The node at the other end, where it is known. */
  readonly node: NodeName | undefined;
  readonly via: string | undefined;
}

/** One path of a prefix in BGP. */
export interface BgpPath {
  readonly best: boolean;
  readonly multipath: boolean;
  readonly valid: boolean;
  readonly asPath: readonly number[];
  readonly med: number | undefined;
  readonly communities: readonly string[];
  /** Node that the path was learned from; `undefined`: the node's own. */
  readonly from: NodeName | undefined;
}

export interface BgpSession {
  readonly device: string;
  readonly peer: RouterName | undefined;
  readonly family: 4 | 6;
  /** FRR's word: `Established`, `Active`, ... */
  readonly state: string;
  readonly prefixesReceived: number;
}

export interface RegisteredChassis {
  readonly name: string;
  readonly hostname: string;
}

export class Fabric {
  readonly #nodes: (name: NodeName) => LabNode;
  readonly #routers: readonly Router[];

  constructor(nodes: (name: NodeName) => LabNode, routers: readonly Router[] = ROUTERS) {
    this.#nodes = nodes;
    this.#routers = routers;
  }

  /** Routes of the main table to exactly this prefix; a bare address counts as a host prefix. */
  async routes(node: NodeName, prefix: string): Promise<readonly FabricRoute[]> {
    return this.routeTable(node, familyOf(prefix), ['exact', hostPrefix(prefix)]);
  }

  /** Routes of one family; `selector` is what `ip route show` takes, for example `['table', '200']`. */
  async routeTable(
    node: NodeName,
    family: 4 | 6,
    selector: readonly string[] = [],
  ): Promise<readonly FabricRoute[]> {
    const argv = ['ip', '-json', '-details', `-${family}`, 'route', 'show', ...selector];
    const result = await this.#nodes(node).exec(argv, { check: false });
    // The kernel has no such table before the first route is in it.
    if (result.code !== 0 && !/FIB table does not exist/.test(result.stderr)) {
      throw new LabError('routes', `${argv.join(' ')} on ${node}: ${result.stderr.trim()}`);
    }
    return parseRoutes(result.stdout, family, node, this.#routers);
  }

  /** What BGP knows about a prefix, the best path first. */
  async bgpPaths(node: RouterName, prefix: string): Promise<readonly BgpPath[]> {
    const command = `show bgp ipv${familyOf(prefix)} unicast ${hostPrefix(prefix)} json`;
    return parseBgpPaths(await this.vtysh(node, command), node, this.#routers);
  }

  async bgpSessions(node: RouterName): Promise<readonly BgpSession[]> {
    return parseBgpSummary(await this.vtysh(node, 'show bgp summary json'), node, this.#routers);
  }

  /** Fabric ports without a BFD session that is up. */
  async bfdDown(node: RouterName): Promise<readonly string[]> {
    const peers = JSON.parse(await this.vtysh(node, 'show bfd peers json')) as readonly {
      readonly interface?: string;
      readonly status: string;
    }[];
    const expected = this.#routers.find(({ name }) => name === node)?.fabricPorts ?? [];
    const up = new Set(peers.flatMap((peer) => (peer.status === 'up' ? [peer.interface] : [])));
    return expected.flatMap(({ device }) => (up.has(device) ? [] : [device]));
  }

  /** Output of one `vtysh` command. */
  async vtysh(node: RouterName, command: string): Promise<string> {
    return (await this.#nodes(node).exec(['vtysh', '-c', command])).stdout;
  }

  /** Chassis in the Southbound database, sorted by host name. */
  async chassis(): Promise<readonly RegisteredChassis[]> {
    const columns = '--columns=name,hostname';
    const argv = [
      'ovn-sbctl',
      '--no-leader-only',
      '--format=csv',
      '--no-headings',
      columns,
      'list',
      'Chassis',
    ];
    const { stdout } = await this.#nodes('central').exec(argv);
    return lines(stdout)
      .map((line) => {
        const [name = '', hostname = ''] = line.split(',').map((field) => field.replaceAll('"', ''));
        return { name, hostname };
      })
      .sort((a, b) => (a.hostname < b.hostname ? -1 : 1));
  }

  /** Chassis that should be there and are not. */
  async missingChassis(): Promise<readonly string[]> {
    const present = new Set((await this.chassis()).map(({ name }) => name));
    return CHASSIS.filter(({ systemId }) => !present.has(systemId)).map(({ name }) => name);
  }
}

/** The node at the other end of a fabric port. */
export function peerOf(
  node: NodeName,
  device: string,
  routers: readonly Router[] = ROUTERS,
): NodeName | undefined {
  if (node === 'spine' && device === 'to-ext') return 'ext';
  if (node === 'ext' && device === 'eth0') return 'spine';
  return portOf(node, device, routers)?.peer;
}

/** The port with that device, or with that address at its other end. */
function portOf(node: NodeName, text: string, routers: readonly Router[]): FabricPort | undefined {
  const ports = routers.find(({ name }) => name === node)?.fabricPorts;
  return ports?.find(
    ({ device, link }) => device === text || link?.[4].peer === text || link?.[6].peer === text,
  );
}

/** `address/32` or `address/128` for a bare address. */
export function hostPrefix(prefix: string): string {
  return prefix.includes('/') ? prefix : `${prefix}/${familyOf(prefix) === 4 ? 32 : 128}`;
}

export function familyOf(prefix: string): 4 | 6 {
  return prefix.includes(':') ? 6 : 4;
}

interface IpRoute {
  readonly type?: string;
  readonly dst: string;
  readonly protocol?: string;
  readonly metric?: number;
  readonly dev?: string;
  readonly gateway?: string;
  readonly via?: { readonly host: string };
  readonly nexthops?: readonly Pick<IpRoute, 'dev' | 'gateway' | 'via'>[];
}

/** Parses the output of `ip -json -details route show`. */
export function parseRoutes(
  text: string,
  family: 4 | 6,
  node: NodeName,
  routers: readonly Router[] = ROUTERS,
): readonly FabricRoute[] {
  const routes = (text.trim() === '' ? [] : JSON.parse(text)) as readonly IpRoute[];
  return routes
    .map((route) => ({
      prefix: route.dst === 'default' ? (family === 4 ? '0.0.0.0/0' : '::/0') : hostPrefix(route.dst),
      protocol: route.protocol ?? 'boot',
      type: route.type ?? 'unicast',
      metric: route.metric ?? 0,
      nextHops: (route.nexthops ?? [route])
        .flatMap(({ dev, gateway, via }) =>
          dev === undefined
            ? []
            : [{ device: dev, node: peerOf(node, dev, routers), via: gateway ?? via?.host }],
        )
        .sort((a, b) => (a.device < b.device ? -1 : 1)),
    }))
    .sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
}

interface FrrPath {
  readonly valid?: boolean;
  readonly bestpath?: { readonly overall?: boolean };
  readonly multipath?: boolean;
  readonly metric?: number;
  readonly aspath?: { readonly segments?: readonly { readonly list: readonly number[] }[] };
  readonly community?: { readonly list?: readonly string[] };
  readonly peer?: { readonly interface?: string; readonly peerId?: string };
}

/** Parses `show bgp ipv4|ipv6 unicast PREFIX json`. */
export function parseBgpPaths(
  text: string,
  node: NodeName,
  routers: readonly Router[] = ROUTERS,
): readonly BgpPath[] {
  const { paths = [] } = (text.trim() === '' ? {} : JSON.parse(text)) as {
    readonly paths?: readonly FrrPath[];
  };
  return paths
    .map((path) => ({
      best: path.bestpath?.overall === true,
      multipath: path.multipath === true,
      valid: path.valid === true,
      asPath: path.aspath?.segments?.flatMap((segment) => segment.list) ?? [],
      med: path.metric,
      communities: path.community?.list ?? [],
      from: peerOf(node, path.peer?.interface ?? path.peer?.peerId ?? '', routers),
    }))
    .sort((a, b) => Number(b.best) - Number(a.best) || ((a.from ?? '') < (b.from ?? '') ? -1 : 1));
}

type FrrSummary = Readonly<
  Record<
    string,
    { readonly peers?: Readonly<Record<string, { readonly state: string; readonly pfxRcd?: number }>> }
  >
>;

/** Parses `show bgp summary json`. */
export function parseBgpSummary(
  text: string,
  node: NodeName,
  routers: readonly Router[] = ROUTERS,
): readonly BgpSession[] {
  const summary = (text.trim() === '' ? {} : JSON.parse(text)) as FrrSummary;
  return ([4, 6] as const).flatMap((family) =>
    Object.entries(summary[`ipv${family}Unicast`]?.peers ?? {})
      .map(([neighbor, peer]) => {
        const port = portOf(node, neighbor, routers);
        return {
          device: port?.device ?? neighbor,
          peer: port?.peer,
          family,
          state: peer.state,
          prefixesReceived: peer.pfxRcd ?? 0,
        };
      })
      .sort((a, b) => (a.device < b.device ? -1 : 1)),
  );
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
