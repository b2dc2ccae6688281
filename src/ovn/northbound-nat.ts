/** Floating IPs of the Northbound database: NAT rows of type `dnat_and_snat` (ovn-nb(5)). */
import { madeByNeutron, neutronId } from './cms.ts';
import {
  FIP_DISTRIBUTED_KEY,
  FIP_NETWORK_KEY,
  ROUTER_NAME_KEY,
  switchNameOf,
  withoutNamePrefix,
} from './external-ids.ts';
import { marksOf, NO_MARKS, nearestMarks } from './marks.ts';
import type { NorthboundContext } from './northbound-context.ts';
import { first, type NorthboundNetworks } from './northbound-networks.ts';
import type { NorthboundPorts } from './northbound-ports.ts';
import type { MarkedRouter, NorthboundRouters } from './northbound-routers.ts';
import { ALL_GLOBALS, type Nat } from './northbound-schema.ts';
import { candidateKey, type FloatingIp, type GatewayPort } from './topology.ts';

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

  floatingIp(row: Nat): FloatingIp {
    const { views, cms } = this.#context;
    const ids = row.external_ids;
    const reference = this.#context.reference('NAT', { _uuid: row._uuid, name: row.external_ip });
    const uuid = first(views.Logical_Router.uuids('nat', row._uuid));
    const router = uuid === undefined ? undefined : this.#routers.router(uuid);
    const gateways = this.#gateways(row, router);
    const networkId = neutronId(ids, FIP_NETWORK_KEY, cms);
    const networkName = networkId === undefined ? undefined : switchNameOf(networkId);
    const named = networkName === undefined ? undefined : this.#networks.switchNamed(networkName);
    const marked = named === undefined ? undefined : this.#networks.network(named);
    const network = networkName === undefined ? gateways[0]?.network : marked?.network;
    const switchMarks =
      marked ?? (network === undefined ? undefined : this.#networks.network(network.row.uuid));
    const routerId = neutronId(ids, ROUTER_NAME_KEY, cms);
    const portName = present(row.logical_port);
    return {
      kind: 'nat',
      from: 'nat-row',
      key: candidateKey('nat', row._uuid),
      row: reference,
      externalIpText: row.external_ip,
      externalMacText: present(row.external_mac),
      logicalPortName: portName,
      port: portName === undefined ? undefined : this.#ports.natPort(portName),
      mode: this.#mode(row),
      networkName: networkName ?? network?.name,
      network,
      routerName: router?.router.name ?? (routerId === undefined ? undefined : withoutNamePrefix(routerId)),
      gateways,
      marks: nearestMarks(marksOf(ids, reference), switchMarks?.marks ?? NO_MARKS, router?.marks ?? NO_MARKS),
    };
  }

  /** The gateway that the row names; else those of the router that contains it. */
  #gateways(row: Nat, router: MarkedRouter | undefined): readonly GatewayPort[] {
    const named = row.gateway_port === undefined ? undefined : this.#routers.gateway(row.gateway_port);
    return named === undefined ? (router?.router.gateways ?? []) : [named];
  }

  #mode(row: Nat): FloatingIp['mode'] {
    const [mac, port] = [present(row.external_mac), present(row.logical_port)];
    if (!madeByNeutron(row.external_ids, this.#context.cms))
      return mac !== undefined && port !== undefined ? 'distributed' : 'centralised';
    if (!this.#distributed()) return 'centralised';
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
