/**
 * A lab: a spine-leaf fabric of nodes with real OVN, Open vSwitch and FRR, on one machine.
 *
 * `Lab.up` builds one, `Lab.attach` finds one that stands, `down` takes it away again whatever state it is in. Labs of
 * different names stand side by side. Nothing of a lab is in the machine's own network namespace, and nothing stays
 * on the machine after `down`.
 */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { teardown } from './down.ts';
import { Fabric } from './fabric.ts';
import { frrConfig } from './frr-config.ts';
import {
  type Addressing,
  cableScript,
  type FabricKind,
  hwolRouters,
  leafLines,
  PROVIDER_BRIDGE,
  uplinkBridges,
} from './hwol.ts';
import {
  bridgeMac,
  CHASSIS,
  chassisNamed,
  isChassisName,
  isNodeName,
  NODE_NAMES,
  type NodeName,
  ROUTERS,
  type Router,
  type RouterName,
  routerNamed,
} from './layout.ts';
import { cableLines, nodeLines } from './links.ts';
import { LocalMachine } from './local-machine.ts';
import { type Capabilities, LabError, type Machine } from './machine.ts';
import { claimLab } from './mount-points.ts';
import { belongsToLab, enterNetwork, OWN_DIRECTORIES, startAnchor, startNamespace } from './namespaces.ts';
import { LabNode } from './node.ts';
import { type ChassisPlan, type ProviderBridge, startCentral, startChassis, startFrr } from './programs.ts';
import { type Progress, Steps } from './progress.ts';
import {
  isAlive,
  type LabPaths,
  labPaths,
  type ProcessIdentity,
  recordedProcess,
  STATE_ROOT,
} from './state.ts';
import { type Seen, until } from './until.ts';

export interface LabOptions {
  readonly name?: string;
  /** A second provider bridge `br-ex2` on `physnet2`. */
  readonly secondBridge?: boolean;
  /** Overrides what the machine's capabilities suggest. */
  readonly datapath?: ChassisPlan['datapath'];
  /** `routed` unless told. */
  readonly fabric?: FabricKind;
  /** Only for the fabric `hwol`: `numbered` unless told. */
  readonly addressing?: Addressing;
  readonly machine?: Machine;
}

/** What stands, as it is written down for `attach`. */
interface Blueprint {
  readonly datapath: ChassisPlan['datapath'];
  readonly advertiseVia: 'vrf' | 'main';
  readonly fabric: FabricKind;
  readonly addressing: Addressing;
  /** Bridges of provider networks. */
  readonly bridges: readonly string[];
  readonly upMs: number;
}

/** Far more than it takes: guests on a busy machine are slow. */
const CONVERGENCE_TIMEOUT_MS = 180_000;

export class Lab {
  readonly name: string;
  readonly machine: Machine;
  readonly fabric: Fabric;
  readonly blueprint: Blueprint;
  readonly #paths: LabPaths;
  readonly #anchor: ProcessIdentity;
  readonly #nodes: ReadonlyMap<NodeName, LabNode>;

  private constructor(
    machine: Machine,
    paths: LabPaths,
    anchor: ProcessIdentity,
    nodes: ReadonlyMap<NodeName, LabNode>,
    blueprint: Blueprint,
  ) {
    this.name = paths.name;
    this.machine = machine;
    this.#paths = paths;
    this.#anchor = anchor;
    this.#nodes = nodes;
    this.blueprint = blueprint;
    this.fabric = new Fabric((name) => this.node(name), routersOf(blueprint));
  }

  /** Builds a lab and waits until it has converged. A lab that fails half-way stays for inspection until `down`. */
  static async up(options: LabOptions = {}, progress: Progress = () => undefined): Promise<Lab> {
    const machine = options.machine ?? new LocalMachine();
    const paths = labPaths(options.name ?? DEFAULT_LAB);
    await claim(machine, paths);
    const steps = new Steps(progress);
    const [capabilities, anchor] = await steps.run('kernel and name space', () =>
      Promise.all([machine.capabilities(), startAnchor(machine, paths)]),
    );
    const plan = blueprintFor(capabilities, options);
    const nodes = await steps.run('nodes', () => makeNodes(machine, paths, anchor, plan.fabric));
    const lab = new Lab(machine, paths, anchor, nodes, { ...plan, bridges: bridgeNames(options), upMs: 0 });
    await steps.run('links and addresses', () => lab.#cable());
    await Promise.all([
      steps.run('FRR on spine, leafs and nodes', () => lab.#startRouters()),
      steps.run('OVN databases and northd', () => startCentral(lab.node('central'))),
      steps.run('Open vSwitch and ovn-controller', () => lab.#startChassis()),
    ]);
    await Promise.all([
      steps.run('BGP converged', () => lab.#awaitFabric()),
      steps.run('chassis registered', () => lab.#awaitChassis()),
    ]);
    const blueprint: Blueprint = { ...lab.blueprint, upMs: Math.round(steps.elapsedMs) };
    await machine.files.write(paths.complete, `${JSON.stringify(blueprint, undefined, 2)}\n`);
    return new Lab(machine, paths, anchor, nodes, blueprint);
  }

  /** A lab that stands; fails when there is none, or only what a failed `up` left. */
  static async attach(name: string = DEFAULT_LAB, machine: Machine = new LocalMachine()): Promise<Lab> {
    const paths = labPaths(name);
    const state = await labState(machine, paths);
    if (state.kind === 'absent') throw new LabError('absent', `there is no lab "${name}": bring it up first`);
    if (state.kind === 'broken')
      throw new LabError('broken', `lab "${name}" is incomplete: take it down first`);
    const found = await Promise.all(
      NODE_NAMES.map(async (node) => {
        const directory = `${paths.nodes}/${node}`;
        const holder = await recordedProcess(machine, `${directory}/sleeper`);
        if (holder === undefined || !(await belongsToLab(machine, state.anchor, holder))) {
          throw new LabError('broken', `node ${node} of lab "${name}" is gone: take the lab down first`);
        }
        return [node, new LabNode(machine, node, directory, holder)] as const;
      }),
    );
    return new Lab(machine, paths, state.anchor, new Map(found), state.blueprint);
  }

  /** Takes a lab away, whatever is left of it; false when there was nothing. */
  static async down(name: string = DEFAULT_LAB, machine: Machine = new LocalMachine()): Promise<boolean> {
    return teardown(machine, labPaths(name));
  }

  /** Names of the labs that have any state on the machine. */
  static async list(machine: Machine = new LocalMachine()): Promise<readonly string[]> {
    return (await machine.files.list(STATE_ROOT)).filter((name) => !name.startsWith('.'));
  }

  async down(): Promise<void> {
    await Lab.down(this.name, this.machine);
  }

  node(name: NodeName): LabNode {
    const found = this.#nodes.get(name);
    if (found === undefined) throw new TypeError(`no node ${name}`);
    return found;
  }

  get nodes(): readonly LabNode[] {
    return [...this.#nodes.values()];
  }

  /** Makes one more network namespace in the lab, for a virtual machine; it goes with `removeHost` or with the lab. */
  async addHost(name: string): Promise<LabNode> {
    const directory = this.#hostDirectory(name);
    await this.machine.files.makeDirectory(directory.slice(0, directory.lastIndexOf('/')));
    if (!(await this.machine.files.claimDirectory(directory))) {
      throw new LabError('exists', `there is a host ${name} in lab "${this.name}" already`);
    }
    const spec = { name, directory, own: [], keep: [], forwarding: false };
    return new LabNode(this.machine, name, directory, await startNamespace(this.machine, this.#anchor, spec));
  }

  async host(name: string): Promise<LabNode | undefined> {
    const directory = this.#hostDirectory(name);
    const holder = await recordedProcess(this.machine, `${directory}/sleeper`);
    if (holder === undefined || !(await belongsToLab(this.machine, this.#anchor, holder))) return undefined;
    return new LabNode(this.machine, name, directory, holder);
  }

  async hosts(): Promise<readonly string[]> {
    return this.machine.files.list(`${this.#paths.directory}/hosts`);
  }

  async removeHost(name: string): Promise<void> {
    const host = await this.host(name);
    if (host !== undefined) await this.machine.signal(host.pid, 'SIGKILL');
    await this.machine.files.remove(this.#hostDirectory(name));
  }

  #hostDirectory(name: string): string {
    if (!/^[a-z][a-z0-9-]{0,30}$/.test(name))
      throw new LabError('name', `not a host name: ${JSON.stringify(name)}`);
    return `${this.#paths.directory}/hosts/${name}`;
  }

  async #cable(): Promise<void> {
    const { datapath, fabric, addressing } = this.blueprint;
    const tunnels = datapath === 'netdev';
    const hwol = fabric === 'hwol';
    const pids = new Map(this.nodes.map((node) => [node.name as NodeName, node.pid]));
    await this.machine.run(enterNetwork(this.#anchor.pid, ['ip', '-batch', '-']), {
      input: `${cableLines(pids, tunnels).join('\n')}\n`,
    });
    await Promise.all(
      NODE_NAMES.map(async (name) => {
        await this.node(name).ip([...(hwol ? leafLines(name, addressing) : []), ...nodeLines(name, tunnels)]);
        if (hwol) await this.node(name).script(cableScript(name));
        // The user space data path does not complete checksums that a veth device left to be done by hardware.
        if (tunnels && isChassisName(name))
          await this.node(name).exec(['ethtool', '-K', 'tun0', 'tx', 'off']);
      }),
    );
  }

  async #startRouters(): Promise<void> {
    await Promise.all(
      routersOf(this.blueprint).map((router) => startFrr(this.node(router.name), frrConfig(router))),
    );
  }

  async #startChassis(): Promise<void> {
    await Promise.all(
      CHASSIS.map((chassis) =>
        startChassis(this.node(chassis.name), {
          chassis,
          datapath: this.blueprint.datapath,
          bridges: this.blueprint.bridges.map((name, index) => providerBridge(chassis.name, name, index)),
          uplinks: this.blueprint.fabric === 'hwol' ? uplinkBridges(chassis, this.blueprint.addressing) : [],
        }),
      ),
    );
  }

  /** Default route over both leafs on every OVN node, and its loopback at the spine over both leafs. */
  async #awaitFabric(): Promise<void> {
    const overBoth = async (node: NodeName, prefix: string): Promise<Seen<true>> => {
      const routes = await this.fabric.routes(node, prefix);
      const hops = routes.flatMap((route) => (route.protocol === 'bgp' ? route.nextHops : []));
      return hops.length === 2 ? { value: true } : { seen: JSON.stringify(routes) };
    };
    const wait = (node: NodeName, prefix: string): Promise<unknown> =>
      until(`a route to ${prefix} with two next hops on ${node}`, () => overBoth(node, prefix), {
        timeoutMs: CONVERGENCE_TIMEOUT_MS,
      });
    for (const { name } of CHASSIS) {
      const { loopback4, loopback6 } = routerNamed(name);
      await Promise.all([
        wait(name, '0.0.0.0/0'),
        wait(name, '::/0'),
        wait('spine', loopback4),
        wait('spine', loopback6),
      ]);
    }
    const bfd = async (name: RouterName): Promise<Seen<true>> => {
      const down = await this.fabric.bfdDown(name);
      return down.length === 0 ? { value: true } : { seen: `none on ${down.join(', ')}` };
    };
    // Only then does a broken link end its sessions at once.
    for (const name of ['leaf1', 'leaf2'] as const) {
      await until(`BFD sessions on every port of ${name}`, () => bfd(name), {
        timeoutMs: CONVERGENCE_TIMEOUT_MS,
      });
    }
  }

  async #awaitChassis(): Promise<void> {
    const probe = async (): Promise<Seen<true>> => {
      const missing = await this.fabric.missingChassis();
      return missing.length === 0 ? { value: true } : { seen: `no chassis for ${missing.join(', ')}` };
    };
    await until('all chassis in the Southbound database', probe, { timeoutMs: CONVERGENCE_TIMEOUT_MS });
  }
}

export const DEFAULT_LAB = 'lab';

/** Directory of the project, the same from the sources and from the build. */
export const PROJECT_DIRECTORY = projectDirectory(dirname(fileURLToPath(import.meta.url)));

function projectDirectory(here: string): string {
  const parent = resolve(here, '..');
  return parent.endsWith('/dist') ? resolve(parent, '..') : parent;
}

export type LabState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken' }
  | { readonly kind: 'up'; readonly anchor: ProcessIdentity; readonly blueprint: Blueprint };

async function labState(machine: Machine, paths: LabPaths): Promise<LabState> {
  if (!(await machine.files.exists(paths.directory))) return { kind: 'absent' };
  const anchor = await recordedProcess(machine, paths.anchor);
  const complete = await machine.files.read(paths.complete);
  if (anchor === undefined || complete === undefined || !(await isAlive(machine, anchor)))
    return { kind: 'broken' };
  return { kind: 'up', anchor, blueprint: JSON.parse(complete) as Blueprint };
}

async function claim(machine: Machine, paths: LabPaths): Promise<void> {
  if (await claimLab(machine, paths, OWN_DIRECTORIES)) {
    // A disk would be written to by every transaction of seven databases.
    const options = 'mode=755,size=512m';
    await machine.run([
      'mount',
      '-t',
      'tmpfs',
      '-o',
      options,
      `ovn-bgp-agent-lab-${paths.name}`,
      paths.directory,
    ]);
    return;
  }
  const { kind } = await labState(machine, paths);
  if (kind === 'up') throw new LabError('already-up', `lab "${paths.name}" is up already`);
  throw new LabError(
    'broken',
    `lab "${paths.name}" is being built, or was left incomplete: take it down first`,
  );
}

function blueprintFor(
  capabilities: Capabilities,
  options: LabOptions,
): Pick<Blueprint, 'datapath' | 'advertiseVia' | 'fabric' | 'addressing'> {
  const kernelPath = capabilities.openvswitch && capabilities.geneve && capabilities.conntrackZones;
  const fabric = options.fabric ?? 'routed';
  return {
    // What hardware and DPDK use is nearest to the user space data path.
    datapath: options.datapath ?? (kernelPath && fabric === 'routed' ? 'system' : 'netdev'),
    fabric,
    addressing: options.addressing ?? (fabric === 'hwol' ? 'numbered' : 'unnumbered'),
    advertiseVia: capabilities.vrf && capabilities.dummy ? 'vrf' : 'main',
  };
}

function routersOf({ fabric, addressing }: Pick<Blueprint, 'fabric' | 'addressing'>): readonly Router[] {
  return fabric === 'hwol' ? hwolRouters(addressing) : ROUTERS;
}

function bridgeNames(options: LabOptions): readonly string[] {
  if (options.fabric === 'hwol') return [PROVIDER_BRIDGE];
  return options.secondBridge === true ? ['br-ex', 'br-ex2'] : ['br-ex'];
}

function providerBridge(chassis: string, name: string, index: number): ProviderBridge {
  if (!isChassisName(chassis)) throw new TypeError(`not a chassis: ${chassis}`);
  return { name, physicalNetwork: `physnet${index + 1}`, mac: bridgeMac(chassisNamed(chassis), index) };
}

async function makeNodes(
  machine: Machine,
  paths: LabPaths,
  anchor: ProcessIdentity,
  fabric: FabricKind,
): Promise<ReadonlyMap<NodeName, LabNode>> {
  const roots = NODE_NAMES.map((name) => `${paths.nodes}/${name}/root`);
  await machine.run(['bash', '-ec', PREPARE_SCRIPT, 'prepare', ...roots]);
  // The project and Node.js must be found in a node wherever they are installed, /tmp included.
  const keep = [...new Set([PROJECT_DIRECTORY, resolve(dirname(process.execPath), '..')])];
  const made = await Promise.all(
    NODE_NAMES.map(async (name) => {
      const directory = `${paths.nodes}/${name}`;
      // The hosts outside do not forward, everything else does; where packets never are the kernel's, nodes do not either.
      const forwards = name !== 'ext' && name !== 'central' && !(fabric === 'hwol' && isChassisName(name));
      const spec = {
        name,
        directory,
        own: OWN_DIRECTORIES,
        keep,
        forwarding: forwards,
      };
      const holder = await startNamespace(machine, anchor, spec);
      return [name, new LabNode(machine, name, directory, holder)] as const;
    }),
  );
  return new Map(made.filter(([name]) => isNodeName(name)));
}

/** Fills the directories that nodes have for themselves, with the owners that the packages give them. */
const PREPARE_SCRIPT = `
for root in "$@"; do
  mkdir -p "$root"/var/log/{frr,ovn,openvswitch,ovn-bgp-agent} "$root"/var/lib/{ovn,ovn-bgp,openvswitch,frr} \\
    "$root"/etc/{frr,openvswitch,iproute2,ovn-bgp-agent} "$root"/run/{frr,ovn,openvswitch,lock,lab} "$root"/{tmp,var/tmp}
  chmod 1777 "$root"/{tmp,var/tmp}
  cp -a /etc/iproute2/. "$root/etc/iproute2/"
  if [ ! -e "$root/etc/iproute2/rt_tables" ]; then
    cat /usr/share/iproute2/rt_tables 2>/dev/null >"$root/etc/iproute2/rt_tables" || true
  fi
  printf '200\\tbr-ex\\n201\\tbr-ex2\\n' >>"$root/etc/iproute2/rt_tables"
done
for root in "$@"; do
  chown frr:frr "$root"/{run,var/log,var/lib,etc}/frr
done
`;
