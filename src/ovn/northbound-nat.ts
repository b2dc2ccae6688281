/** Outside addresses of the NAT rows of the Northbound database (ovn-nb(5)): floating IPs, and those of one direction. */
import { madeByNeutron, neutronId } from './cms.ts';
import {
  FIP_DISTRIBUTED_KEY,
  FIP_NETWORK_KEY,
  ROUTER_NAME_KEY,
  switchNameOf,
  withoutNamePrefix,
} from './external-ids.ts';
import { marksOf, NO_MARKS, nearestMarks } from './marks.ts';
import { natGateways } from './nat-gateways.ts';
import type { NorthboundContext } from './northbound-context.ts';
import { first, type NorthboundNetworks } from './northbound-networks.ts';
import type { NorthboundPorts } from './northbound-ports.ts';
import type { NorthboundRouters } from './northbound-routers.ts';
import { ALL_GLOBALS, type Nat } from './northbound-schema.ts';
import { candidateKey, type FloatingIp, type NatType, type Router } from './topology.ts';

export class NorthboundNats {
  readonly #context: NorthboundContext;
  readonly #networks: NorthboundNetworks;
  readonly #routers: NorthboundRouters;
  readonly #ports: NorthboundPorts;

  constructor(
    context: NorthboundContext,
    networks: NorthboundNetworks,
    routers: NorthboundRouters,
    ports: NorthboundPorts,
  ) {
    this.#context = context;
    this.#networks = networks;
    this.#routers = routers;
    this.#ports = ports;
  }

  floatingIp(row: Nat, type: NatType): FloatingIp {
    const { views, cms } = this.#context;
    const ids = row.external_ids;
    const reference = this.#context.reference('NAT', { _uuid: row._uuid, name: row.external_ip });
    const uuid = first(views.Logical_Router.uuids('nat', row._uuid));
    const router = uuid === undefined ? undefined : this.#routers.router(uuid);
    const { gateways, ...fault } = natGateways(row, router?.router);
    const [gateway] = 'fault' in fault ? [] : gateways;
    const networkId = neutronId(ids, FIP_NETWORK_KEY, cms);
    const networkName = networkId === undefined ? undefined : switchNameOf(networkId);
    const named = networkName === undefined ? undefined : this.#networks.switchNamed(networkName);
    const marked = named === undefined ? undefined : this.#networks.network(named);
    // OVN answers for the address on the network of its gateway port, whatever the row calls its network.
    const network = gateway?.network ?? (networkName === undefined ? gateways[0]?.network : marked?.network);
    const switchMarks = network === undefined ? marked : this.#networks.network(network.row.uuid);
    const routerId = neutronId(ids, ROUTER_NAME_KEY, cms);
    const portName = present(row.logical_port);
    return {
      kind: 'nat',
      from: 'nat-row',
      key: candidateKey('nat', row._uuid),
      row: reference,
      type,
      ...fault,
      externalIpText: row.external_ip,
      externalMacText: present(row.external_mac),
      logicalPortName: portName,
      port: portName === undefined ? undefined : this.#ports.natPort(portName),
      mode: this.#mode(row, type, router?.router),
      networkName: network?.name ?? networkName,
      network,
      routerName: router?.router.name ?? (routerId === undefined ? undefined : withoutNamePrefix(routerId)),
      gateways,
      marks: nearestMarks(marksOf(ids, reference), switchMarks?.marks ?? NO_MARKS, router?.marks ?? NO_MARKS),
    };
  }

  /** OVN translates where the port is as soon as the row has both; before that Neutron's word tells what is to come. */
  #mode(row: Nat, type: NatType, router: Router | undefined): FloatingIp['mode'] {
    if (type !== 'dnat_and_snat' || router?.pinned === true) return 'centralised';
    const [mac, port] = [present(row.external_mac), present(row.logical_port)];
    if (mac !== undefined && port !== undefined) return 'distributed';
    if (!madeByNeutron(row.external_ids, this.#context.cms) || !this.#distributed()) return 'centralised';
    // Floating IPs of load balancers and of their members: nobody but the gateway translates them.
    return mac === undefined && port === undefined ? 'centralised' : 'distributed';
  }

  /** Neutron's word for the whole cloud; one that says nothing is distributed. */
  #distributed(): boolean {
    const { graph, views } = this.#context;
    return graph.query('fip-distributed', () => {
      const rows = views.NB_Global.find('all', ALL_GLOBALS);
      return !rows.some((row) => row.external_ids.get(FIP_DISTRIBUTED_KEY) === 'False');
    });
  }
}

function present(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
