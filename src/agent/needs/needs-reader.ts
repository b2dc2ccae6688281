/**
 * Keeps up with what the node needs: kernel, local Open_vSwitch database, FRR, and the names of databases.
 *
 * In: the edges. Out: `NodeNeeds`, the same object while nothing differs, and a call whenever they may be others. What is
 * local is read when something of it changed; FRR and the resolver are asked in the background, because either may hang.
 * What cannot be told right now keeps its last value. The first reading waits a moment for those two: with bgpd away
 * nothing is announced, and connected networks and next hops cover nearly every peer, so that the node goes on without.
 */
import { type IpAddress, parseIp } from '../../base/address.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { AgentConfig } from '../../config/types.ts';
import { addressNeed, type NodeNeed, NodeNeeds, networkNeed } from '../../exposures/needs.ts';
import type { BgpPeers } from '../../frr/peers.ts';
import type { KernelEvent, Route } from '../../netlink/types.ts';
import type { NodeEdge } from '../../node/edge.ts';
import { MAIN_TABLE } from '../../node/objects.ts';
import type { OvsSnapshot } from '../../openvswitch/types.ts';
import { DeviceRoles, KERNEL_ROUTES, kernelNeeds, maybeNeeded, OWN_ROUTES } from './kernel-needs.ts';
import { type DatabaseHost, databaseHosts, databaseNeeds, tunnelEnds, tunnelNeeds } from './switch-needs.ts';

export type NeedsEdge = Pick<NodeEdge, 'netlink' | 'ovs' | 'frr' | 'names'>;

/** How long the first reading waits for FRR and the resolver. */
const FIRST_WAIT_MS = 2_000;
/** A name may get other addresses at any time, and nobody says so. */
const NAMES_INTERVAL_MS = 30_000;
/** A name server may answer with some of many addresses, others each time, and a connection outlives the answer. */
const NAME_KEPT_MS = 600_000;
/** The kernel says what changes; what it said is looked up again now and then all the same. */
const KERNEL_MAX_AGE_MS = 300_000;

export class NeedsReader {
  readonly #edge: NeedsEdge;
  readonly #config: AgentConfig;
  readonly #clock: Clock;
  readonly #log: Logger;
  #kernel: readonly NodeNeed[] = [];
  #routes: readonly Route[] = [];
  #kernelFor: string | undefined;
  #kernelReadAt = 0;
  #devices: DeviceRoles | undefined;
  #peers: BgpPeers | undefined;
  /** By name: the addresses, and when the resolver last said each. */
  readonly #addresses = new Map<string, Map<IpAddress, number>>();
  #namesAskedAt = 0;
  #nameServers: readonly IpAddress[] = [];
  #tunnels: readonly NodeNeed[] = [];
  #tunnelText = '';
  /** What `#current` was made of. */
  #built: {
    readonly kernel?: readonly NodeNeed[];
    readonly tunnels?: readonly NodeNeed[];
    readonly others?: string;
  } = {};
  #current = NodeNeeds.NONE;
  #asked: Promise<void> | undefined;
  #changed: () => void = () => undefined;
  #told = false;

  constructor(edge: NeedsEdge, config: AgentConfig, log: Logger, clock: Clock = systemClock) {
    this.#edge = edge;
    this.#config = config;
    this.#log = log;
    this.#clock = clock;
  }

  /** `bridges`: those that are, or were, between OVN and the kernel. Throws when the kernel does not answer. */
  async read(snapshot: OvsSnapshot, bridges: readonly string[], signal: AbortSignal): Promise<NodeNeeds> {
    await this.#readKernel(bridges);
    const hosts = databaseHosts(this.#config, snapshot);
    if (this.#asked === undefined || hosts.some(({ host }) => isUnknownName(host, this.#addresses))) {
      this.#asked = this.#askOthers(hosts, signal);
    }
    if (!this.#told) await this.#firstAnswers(this.#asked, signal);
    const tunnels = this.#tunnelsOf(snapshot);
    const others = [
      ...hosts.flatMap((host) => databaseNeeds(host, this.#addressesOf(host.host))),
      ...this.#bgpNeeds(),
      ...this.#nameServers.flatMap((address) =>
        addressNeed('name-server', address, 'name server of the databases'),
      ),
    ];
    // Read with every change of the local switch: sorting what is the same would cost the size of the cloud each time.
    const text = JSON.stringify(others);
    if (
      this.#kernel === this.#built.kernel &&
      tunnels === this.#built.tunnels &&
      text === this.#built.others
    ) {
      return this.#current;
    }
    this.#built = { kernel: this.#kernel, tunnels, others: text };
    const needs = new NodeNeeds([...this.#kernel, ...tunnels, ...others]);
    if (!needs.equals(this.#current)) this.#current = needs;
    return this.#current;
  }

  /** Calls back whenever the needs may be others; the returned function ends it. */
  follow(changed: () => void): () => void {
    this.#changed = changed;
    const ends = [
      this.#edge.netlink.subscribe(
        (events) => {
          if (!events.some((event) => this.#concerns(event))) return;
          this.#kernelFor = undefined;
          changed();
        },
        { kinds: ['link', 'address', 'route'], ignoreRouteProtocols: LEARNED },
      ),
      this.#edge.frr.subscribe((event) => {
        if (event === 'up') void this.#askFrr(undefined);
      }),
    ];
    return () => {
      this.#changed = () => undefined;
      for (const end of ends) end();
    };
  }

  /** Asks those who do not say by themselves when something changes; to be called now and then. */
  async ask(): Promise<void> {
    const snapshot = this.#edge.ovs.snapshot();
    const isDue = this.#clock.now() - this.#namesAskedAt >= NAMES_INTERVAL_MS;
    await Promise.all([
      this.#askFrr(undefined),
      ...(snapshot === undefined || !isDue ? [] : [this.#lookUp(databaseHosts(this.#config, snapshot))]),
    ]);
  }

  #concerns(event: KernelEvent): boolean {
    const devices = this.#devices;
    if (devices === undefined) return false;
    switch (event.type) {
      case 'resync':
        return true;
      case 'link':
        return devices.isAltered(event);
      case 'address':
        return maybeNeeded(event.address) && !devices.isAdvertising(event.address.index);
      case 'route': {
        const { protocol, index } = event.route;
        return OWN_ROUTES.includes(protocol) && !(index !== undefined && devices.isProvider(index));
      }
      case 'rule':
      case 'neighbor':
        return false;
      default:
        return event satisfies never;
    }
  }

  async #readKernel(bridges: readonly string[]): Promise<void> {
    const now = this.#clock.now();
    const names = bridges.join(' ');
    if (this.#kernelFor === names && now - this.#kernelReadAt < KERNEL_MAX_AGE_MS) return;
    const { netlink } = this.#edge;
    const { bgpNic, bgpVrf } = this.#config;
    const scope = { bgpNic, bgpVrf, bridges };
    // What changes while this is read makes it be read again.
    this.#kernelFor = names;
    this.#kernelReadAt = now;
    try {
      const links = await netlink.links();
      this.#devices = new DeviceRoles(links, scope);
      const addresses = await netlink.addresses();
      this.#routes = (await this.#readRoutes()) ?? this.#routes;
      this.#kernel = kernelNeeds({ links, addresses, routes: this.#routes }, scope);
    } catch (error) {
      this.#kernelFor = undefined;
      if (this.#kernel.length === 0) throw error;
      this.#log.debug(
        { error: String(error) },
        'the addresses of the node cannot be read; the last ones count',
      );
    }
  }

  /** Without them the networks that the node is connected to by its addresses still count. */
  async #readRoutes(): Promise<readonly Route[] | undefined> {
    const { netlink } = this.#edge;
    try {
      const dumps = await Promise.all([
        // The local table has one for each address of the node.
        netlink.routes({ protocol: KERNEL_ROUTES, table: MAIN_TABLE }),
        ...OWN_ROUTES.map((protocol) => netlink.routes({ protocol })),
      ]);
      return dumps.flat();
    } catch (error) {
      this.#kernelFor = undefined;
      this.#log.debug({ error: String(error) }, 'the routes of the node cannot be read; the last ones count');
      return undefined;
    }
  }

  async #askOthers(hosts: readonly DatabaseHost[], signal: AbortSignal): Promise<void> {
    await Promise.all([this.#askFrr(signal), this.#lookUp(hosts)]);
  }

  async #firstAnswers(asked: Promise<void>, signal: AbortSignal): Promise<void> {
    let onAbort: () => void = () => undefined;
    let cancel: () => void = () => undefined;
    const limit = new Promise<'late'>((resolve) => {
      onAbort = () => resolve('late');
      signal.addEventListener('abort', onAbort, { once: true });
      cancel = this.#clock.after(FIRST_WAIT_MS, onAbort);
    });
    await Promise.race([asked, limit]);
    cancel();
    signal.removeEventListener('abort', onAbort);
    this.#told = true;
    if (this.#edge.frr.peers === undefined || this.#peers !== undefined) return;
    this.#log.warn(
      {},
      'bgpd does not say whom it talks to: until it does, addresses are held against connected networks and next hops only',
    );
  }

  /** Never fails: what FRR does not tell is as before. */
  async #askFrr(signal: AbortSignal | undefined): Promise<void> {
    try {
      const peers = await this.#edge.frr.peers?.({ vrf: this.#config.bgpVrf }, signal);
      if (peers === undefined || JSON.stringify(peers) === JSON.stringify(this.#peers)) return;
      this.#peers = peers;
      this.#changed();
    } catch (error) {
      this.#log.debug({ error: String(error) }, 'the BGP peers cannot be read; the last known ones count');
    }
  }

  /** Looks up every name; one that has no answer now keeps the last one. */
  async #lookUp(hosts: readonly DatabaseHost[]): Promise<void> {
    const { names } = this.#edge;
    this.#namesAskedAt = this.#clock.now();
    const wanted = new Set(hosts.map(({ host }) => host).filter((host) => parseIp(host) === undefined));
    let differs = false;
    for (const name of this.#addresses.keys()) if (!wanted.has(name)) this.#addresses.delete(name);
    await Promise.all(
      [...wanted].map(async (name) => {
        try {
          const found = (await names?.addressesOf(name)) ?? [];
          if (this.#remember(name, found)) differs = true;
        } catch (error) {
          if (!this.#addresses.has(name)) this.#addresses.set(name, new Map());
          this.#log.debug({ name, error: String(error) }, 'no answer for the name of a database');
        }
      }),
    );
    const servers = wanted.size === 0 ? [] : [...(names?.servers() ?? [])].sort();
    if (servers.join() !== this.#nameServers.join()) differs = true;
    this.#nameServers = servers;
    if (differs) this.#changed();
  }

  /** True when the name has other addresses than before. */
  #remember(name: string, found: readonly IpAddress[]): boolean {
    const now = this.#clock.now();
    const known = this.#addresses.get(name) ?? new Map<IpAddress, number>();
    const before = [...known.keys()].join();
    for (const address of found) known.set(address, now);
    for (const [address, saidAt] of known) if (now - saidAt > NAME_KEPT_MS) known.delete(address);
    this.#addresses.set(name, known);
    return [...known.keys()].join() !== before;
  }

  #addressesOf(host: string): readonly IpAddress[] {
    const address = parseIp(host);
    return address === undefined ? [...(this.#addresses.get(host)?.keys() ?? [])] : [address];
  }

  /** The same list while the snapshot says the same of tunnels. */
  #tunnelsOf(snapshot: OvsSnapshot): readonly NodeNeed[] {
    const ends = tunnelEnds(snapshot);
    const text = ends.map(({ address, what }) => `${address} ${what}`).join();
    if (text !== this.#tunnelText) {
      this.#tunnels = tunnelNeeds(ends);
      this.#tunnelText = text;
    }
    return this.#tunnels;
  }

  #bgpNeeds(): readonly NodeNeed[] {
    const { peers = [], listenRanges = [], routerIds = [] } = this.#peers ?? {};
    const of = (vrf: string | undefined): string => (vrf === undefined ? '' : ` in VRF ${vrf}`);
    const configured = this.#config.exposingMethod === 'ovn' ? this.#config.localOvnCluster.peerIps : [];
    return [
      ...peers.flatMap(({ address, vrf }) => addressNeed('bgp-peer', address, `BGP peer${of(vrf)}`)),
      ...listenRanges.flatMap(({ prefix, vrf }) =>
        networkNeed('bgp-listen-range', prefix, `BGP listen range${of(vrf)}`),
      ),
      ...routerIds.flatMap(({ address, vrf }) =>
        addressNeed('router-id', address, `BGP router id${of(vrf)}`),
      ),
      ...configured.flatMap((address) => addressNeed('next-hop', address, 'peer_IPs of [local_ovn_cluster]')),
    ];
  }
}

/** RTPROT_KERNEL comes with addresses; the agent's own; zebra, and what its daemons and other routers learn. */
const LEARNED: readonly number[] = [2, 11, 12, 42, 179, 186, 187, 188, 189, 192];

function isUnknownName(host: string, known: ReadonlyMap<string, unknown>): boolean {
  return parseIp(host) === undefined && !known.has(host);
}
