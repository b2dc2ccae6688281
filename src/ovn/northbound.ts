/**
 * The topology as the Northbound database shows it: ports where the cloud wants them.
 *
 * In: views of the replicated tables and this node's identity. Out: candidates, resolved on request, and the candidates
 * that a change set can alter. Networks are kept after they were looked at (a switch may have thousands of ports) until
 * a change set alters them.
 */
import { CIDRS_KEY, NETWORK_NAME_KEY, words } from './external-ids.ts';
import { collectAffected } from './northbound-changes.ts';
import { isPlumbing, NorthboundNetworks } from './northbound-networks.ts';
import type { LogicalSwitchPort, NorthboundDatabase, NorthboundViews } from './northbound-schema.ts';
import { northboundResidence } from './residence.ts';
import {
  candidateUuid,
  type IncrementalTopology,
  type NodeIdentity,
  portKey,
  type WorkloadPort,
} from './topology.ts';

export function createNorthboundTopology(
  views: NorthboundViews,
  identity: NodeIdentity,
): IncrementalTopology<NorthboundDatabase> {
  const networks = new NorthboundNetworks(views);
  return {
    database: 'northbound',
    *candidates() {
      for (const row of views.Logical_Switch_Port) if (!isPlumbing(row)) yield portKey(row._uuid);
    },
    resolve: (key) => {
      const row = views.Logical_Switch_Port.get(candidateUuid(key));
      return row === undefined || isPlumbing(row) ? undefined : workloadPort(row, networks, identity);
    },
    companions: () => [],
    localnets: () => networks.localnets(),
    affected: (changes) => {
      if (changes.cause === 'snapshot') {
        networks.forgetAll();
        return 'all';
      }
      const { candidates, switches } = collectAffected(changes, views);
      for (const uuid of switches) networks.forget(uuid);
      return candidates;
    },
  };
}

function workloadPort(
  row: LogicalSwitchPort,
  networks: NorthboundNetworks,
  identity: NodeIdentity,
): WorkloadPort {
  const named = row.external_ids.get(NETWORK_NAME_KEY);
  const network = networks.networkOf(row._uuid, named);
  return {
    kind: 'port',
    key: portKey(row._uuid),
    row: { database: 'northbound', table: 'Logical_Switch_Port', uuid: row._uuid, name: row.name },
    name: row.name,
    type: row.type,
    addressTexts: row.addresses.slice(0, 1),
    cidrs: words(row.external_ids.get(CIDRS_KEY)),
    networkName: named ?? network?.name,
    network,
    residence: northboundResidence(row, identity.hostname),
    active: row.up === true,
    scopes: {},
    subnets: [],
    // Whoever holds a virtual port's address answers for it with the MAC of its own port (VRRP without virtual MACs), and
    // with another one after a failover: the kernel has to ask.
    neighbor: row.type !== 'virtual',
    proxyNdp: true,
    marks: {},
  };
}
