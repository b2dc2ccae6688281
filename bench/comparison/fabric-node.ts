/**
 * A node as either agent finds it in production, and its leaf: vswitchd, FRR and their files under the standard paths, a
 * BGP session to the leaf, the databases of OVN, one configuration file for both agents.
 *
 * Made for a guest, whose directories under /run and /etc it may use. The kernel must have VRF and dummy devices.
 */
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  OVN_NB_SCHEMA,
  OVN_SB_SCHEMA,
  type OvsdbServer,
  startOvsdbServer,
  VSWITCH_SCHEMA,
} from '../../test/support/ovsdb-server.ts';
import { HOST } from '../support/bench-node.ts';
import { type FrrOptions, frrDirectory, startFrr } from '../support/frr.ts';
import { KernelWatch } from '../support/kernel-watch.ts';
import { Namespace } from '../support/namespace.ts';
import { BRIDGE, startSwitch } from '../support/open-vswitch.ts';
import { BRIDGE_TABLE, LEARNED } from '../support/signs.ts';

export type Driver = 'nb' | 'sb';

export const DRIVERS: Readonly<Record<Driver, string>> = { nb: 'nb_ovn_bgp_driver', sb: 'ovn_bgp_driver' };

const NODE_AS = 64_999;
const LEAF_AS = 65_001;
const NODE_LINK = '198.51.100.1';
const LEAF_LINK = '198.51.100.2';
/** Announced without an agent: shows that the session works. */
const LOOPBACK = '198.51.100.101';
const CONVERGENCE_TIMEOUT_MS = 60_000;

export interface FabricNodeOptions {
  readonly driver: Driver;
  /** Seconds between two full comparisons, in both agents. */
  readonly reconcileInterval: number;
  /** Bytes of the netlink buffer of the node's zebra; that of Debian's service file unless told. */
  readonly zebraBuffer?: FrrOptions['zebraBuffer'];
  /** Further lines of the configuration's section DEFAULT. */
  readonly settings?: string;
}

export class FabricNode {
  readonly directory: string;
  readonly node: Namespace;
  readonly leaf: Namespace;
  readonly database: OvsdbServer;
  readonly #stops: readonly (() => Promise<void>)[];

  private constructor(
    directory: string,
    node: Namespace,
    leaf: Namespace,
    database: OvsdbServer,
    stops: readonly (() => Promise<void>)[],
  ) {
    this.directory = directory;
    this.node = node;
    this.leaf = leaf;
    this.database = database;
    this.#stops = stops;
  }

  static async start(options: FabricNodeOptions): Promise<FabricNode> {
    const directory = await mkdtemp('/tmp/fabric-node-');
    const at = (name: string): string => join(directory, name);
    const stops = [() => rm(directory, { recursive: true, force: true })];
    const stop = async (): Promise<void> => {
      for (const each of stops.toReversed()) await each();
    };
    try {
      await chmod(directory, 0o755);
      await Promise.all(['ovs', 'iproute2'].map((name) => mkdir(at(name))));
      const [nodeFrr, leafFrr] = [await frrDirectory(at('frr')), await frrDirectory(at('leaf-frr'))];
      for (const path of ['/run/frr', '/run/openvswitch', '/etc/iproute2'])
        await mkdir(path, { recursive: true });
      const schema = options.driver === 'nb' ? OVN_NB_SCHEMA : OVN_SB_SCHEMA;
      const database = await startOvsdbServer({ schemas: [schema] });
      const switchDatabase = await startOvsdbServer({ schemas: [VSWITCH_SCHEMA] });
      stops.push(
        () => database.stop(),
        () => switchDatabase.stop(),
      );
      await symlink(switchDatabase.socketPath, at('ovs/db.sock'));
      const node = await Namespace.start({
        '/run/frr': nodeFrr,
        '/run/openvswitch': at('ovs'),
        '/etc/iproute2': at('iproute2'),
      });
      stops.push(() => node.stop());
      const leaf = await Namespace.start({ '/run/frr': leafFrr });
      stops.push(() => leaf.stop());
      await writeFile(at('iproute2/rt_tables'), `254 main\n${BRIDGE_TABLE} ${BRIDGE}\n`);
      await writeFile(at('agent.conf'), agentConfig(at('agent.conf'), options, database));
      await connect(node, leaf);
      const watch = new KernelWatch(leaf.netns, LEARNED);
      stops.push(() => Promise.resolve(watch.close()));
      await startFrr(leaf, leafFrr, bgpConfig(LEAF_AS, LEAF_LINK, NODE_LINK, NODE_AS), { listens: true });
      const { zebraBuffer } = options;
      const buffer = zebraBuffer === undefined ? {} : { zebraBuffer };
      await startFrr(node, nodeFrr, bgpConfig(NODE_AS, NODE_LINK, LEAF_LINK, LEAF_AS), buffer);
      await startSwitch(node, at('ovs'), switchDatabase, { 'system-id': HOST, hostname: HOST });
      // The Python agent expects it from whoever made the bridge.
      await node.exec('ip', 'link', 'set', BRIDGE, 'up');
      // The Python agent's vtysh has no capability that opens other users' sockets.
      await chmod(nodeFrr, 0o755);
      for (const name of await readdir(nodeFrr)) {
        if (name.endsWith('.vty')) await chmod(join(nodeFrr, name), 0o777);
      }
      await watch.whenExposed(LOOPBACK, CONVERGENCE_TIMEOUT_MS);
      return new FabricNode(directory, node, leaf, database, stops);
    } catch (error) {
      await stop();
      throw error;
    }
  }

  /** For both agents. */
  get configFile(): string {
    return join(this.directory, 'agent.conf');
  }

  async stop(): Promise<void> {
    for (const each of this.#stops.toReversed()) await each();
  }
}

async function connect(node: Namespace, leaf: Namespace): Promise<void> {
  await node.exec('ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'node', 'netns', `${leaf.pid}`);
  for (const [place, device, address] of [
    [node, 'uplink', NODE_LINK],
    [leaf, 'node', LEAF_LINK],
  ] as const) {
    await place.exec('ip', 'address', 'add', `${address}/30`, 'dev', device);
    await place.exec('ip', 'link', 'set', device, 'up');
  }
  await node.exec('ip', 'address', 'add', `${LOOPBACK}/32`, 'dev', 'lo');
}

function bgpConfig(as: number, routerId: string, peer: string, peerAs: number): string {
  return `router bgp ${as}
 bgp router-id ${routerId}
 no bgp ebgp-requires-policy
 neighbor ${peer} remote-as ${peerAs}
 neighbor ${peer} advertisement-interval 0
 neighbor ${peer} timers connect 1
 address-family ipv4 unicast
  redistribute connected
  neighbor ${peer} activate
 exit-address-family
`;
}

/** What the Python agent's privileged helpers need is beside the options that both know; this project ignores it. */
function agentConfig(path: string, options: FabricNodeOptions, database: OvsdbServer): string {
  const helper = `helper_command = privsep-helper --config-file ${path}`;
  return `[DEFAULT]
driver = ${DRIVERS[options.driver]}
exposing_method = underlay
reconcile_interval = ${options.reconcileInterval}
ovsdb_connection = unix:/run/openvswitch/db.sock
bgp_AS = ${NODE_AS}
bgp_router_id = ${NODE_LINK}
log_file = ${path.replace(/\.conf$/, '.log')}
${options.settings ?? ''}[agent]
root_helper =
[ovn]
ovn_${options.driver}_connection = ${database.remote}
[privsep]
${helper}
[privsep_ovs_vsctl]
${helper}
[privsep_vtysh]
${helper}
[oslo_concurrency]
lock_path = /tmp
`;
}
