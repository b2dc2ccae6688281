/**
 * The topology as the Southbound database shows it: ports where ovn-controller bound them.
 *
 * In: views of the replicated tables and this node's identity. Out: candidates, resolved on request, and the candidates
 * that a change set can alter: those that read what changed, which a query graph remembers. Candidates are bindings
 * (`Port_Binding`) of all kinds, and load balancers.
 */
import { sortedBy } from '../base/order.ts';
import { rowsOf } from './changes.ts';
import { QueryGraph } from './query-graph.ts';
import { SouthboundLoadBalancers } from './southbound-load-balancers.ts';
import { RESIDENTS, SouthboundNat } from './southbound-nat.ts';
import { isWorkload, workloadPort } from './southbound-ports.ts';
import { localnetOf, SouthboundRouters } from './southbound-routers.ts';
import {
  ALL_LOCALNETS,
  hasInterfaceAddresses,
  isRouterLink,
  isVipPort,
  mayBeGateway,
  type PortBinding,
  SOUTHBOUND,
  SOUTHBOUND_BULK,
  type SouthboundDatabase,
  type SouthboundViews,
} from './southbound-schema.ts';
import {
  type Candidate,
  type CandidateKey,
  candidateKey,
  candidateKind,
  candidateUuid,
  type IncrementalTopology,
  type Localnet,
  type NodeIdentity,
  portKey,
  type TunnelEndpoint,
} from './topology.ts';
import { staleReads, trackedViews } from './tracked-views.ts';

export interface SouthboundOptions {
  /** Health checks count. Default: they do not. */
  readonly health?: boolean;
}

export function createSouthboundTopology(
  views: SouthboundViews,
  identity: NodeIdentity,
  options: SouthboundOptions = {},
): IncrementalTopology<SouthboundDatabase> {
  const { systemId } = identity;
  const graph = new QueryGraph();
  const tracked = trackedViews<SouthboundDatabase>(SOUTHBOUND.name, views, graph);
  const routers = new SouthboundRouters(tracked, graph, systemId);
  const loadBalancers = new SouthboundLoadBalancers(tracked, graph, routers, options.health === true);
  const nat = new SouthboundNat(tracked, graph, routers, loadBalancers, systemId);

  const resolve = (key: CandidateKey): Candidate | undefined => {
    const [kind, uuid] = [candidateKind(key), candidateUuid(key)];
    const loadBalancer = kind === 'load-balancer' ? tracked.Load_Balancer.get(uuid) : undefined;
    if (loadBalancer !== undefined) return loadBalancers.loadBalancer(loadBalancer);
    const row = tracked.Port_Binding.get(uuid);
    if (row === undefined) return undefined;
    switch (kind) {
      case 'port':
        return isWorkload(row) ? workloadPort(row, tracked, routers, systemId) : undefined;
      case 'gateway':
        return routers.gatewayCandidate(row);
      case 'subnet':
        return routers.subnet(row);
      case 'nat':
        return nat.floatingIps(row);
      case 'load-balancer':
        return loadBalancers.unclaimedVip(row);
      default:
        return kind satisfies never;
    }
  };

  let endpoints: readonly TunnelEndpoint[] | undefined;
  let localnets: readonly Localnet[] | undefined;

  return {
    database: 'southbound',
    *candidates() {
      for (const row of views.Port_Binding) yield* candidatesOf(row);
      for (const row of views.Load_Balancer) yield candidateKey('load-balancer', row._uuid);
    },
    resolve: (key) => {
      const candidate = graph.root(key, () => resolve(key));
      // Nothing to remember of a row that is gone: another one is a change of its own.
      const uuid = candidateUuid(key);
      if (views.Port_Binding.get(uuid) === undefined && views.Load_Balancer.get(uuid) === undefined) {
        graph.forget(key);
      }
      return candidate;
    },
    *companions(port) {
      const row = views.Port_Binding.get(candidateUuid(port));
      if (row !== undefined) yield* keysOf(graph.rootsReading(RESIDENTS, row.logical_port));
    },
    localnets: () =>
      (localnets ??= [...views.Port_Binding.find('localnet', ALL_LOCALNETS)].map((row) => localnetOf(row))),
    tunnelEndpoints: () => (endpoints ??= tunnelEndpointsOf(views)),
    affected: (changes) => {
      if (changes.cause === 'snapshot' || changes.changes.Encap !== undefined) endpoints = undefined;
      if (changes.cause === 'snapshot') {
        graph.clear();
        localnets = undefined;
        return 'all';
      }
      const keys = new Set<CandidateKey>();
      for (const change of changes.changes.Port_Binding ?? []) {
        if (rowsOf(change).some(({ type }) => type === 'localnet')) localnets = undefined;
        for (const row of rowsOf(change)) for (const key of candidatesOf(row)) keys.add(key);
      }
      for (const change of changes.changes.Load_Balancer ?? []) {
        keys.add(candidateKey('load-balancer', rowsOf(change)[0]._uuid));
      }
      const stale = staleReads(SOUTHBOUND.name, SOUTHBOUND, changes, SOUTHBOUND_BULK);
      for (const key of keysOf(graph.touch(stale))) keys.add(key);
      return keys;
    },
  };
}

function tunnelEndpointsOf(views: SouthboundViews): readonly TunnelEndpoint[] {
  const endpoints = Array.from(views.Encap, (row) => ({ addressText: row.ip, chassis: row.chassis_name }));
  return sortedBy(endpoints, ({ addressText, chassis }) => `${addressText} ${chassis}`);
}

/** What a binding may be by itself; which of it, its surroundings decide. */
function* candidatesOf(row: PortBinding): Iterable<CandidateKey> {
  const { _uuid: uuid } = row;
  if (isWorkload(row)) yield portKey(uuid);
  if (mayBeGateway(row)) yield candidateKey('gateway', uuid);
  if (isRouterLink(row) && hasInterfaceAddresses(row)) yield candidateKey('subnet', uuid);
  if (isRouterLink(row) && row.nat_addresses.length > 0) yield candidateKey('nat', uuid);
  if (isVipPort(row)) yield candidateKey('load-balancer', uuid);
}

/** Keys of roots are keys of candidates: `resolve` made them. */
function* keysOf(roots: Iterable<string>): Iterable<CandidateKey> {
  for (const key of roots) yield key as CandidateKey;
}
