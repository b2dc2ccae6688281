/**
 * Routers, floating IPs and load balancers in the Northbound database, written and changed as Neutron and Octavia do it.
 *
 * Every change is one transaction. Fails with a `LabError` that quotes the database's own words.
 */
import type { Content } from './content.ts';
import type { Lab } from './lab.ts';
import type { ChassisName } from './layout.ts';
import { LabError } from './machine.ts';
import { map, type OvsdbOperation } from './neutron-rows.ts';
import {
  type FloatingIpSpec,
  floatingIpOperations,
  gatewayOrderOperations,
  type LoadBalancerSpec,
  loadBalancerOperations,
  type PortForwardingSpec,
  portForwardingName,
  portForwardingOperations,
  type RouterSpec,
  routerMutation,
  routerName,
  routerOperations,
  routerPortName,
} from './router-rows.ts';
import { type Seen, type UntilOptions, until } from './until.ts';

/** So often in a row the port is seen in the same place. */
const STEADY = 5;

type Uuid = readonly ['uuid', string];

export class RouterContent {
  readonly #content: Content;

  constructor(content: Content) {
    this.#content = content;
  }

  async addRouter(router: RouterSpec): Promise<void> {
    await this.#content.transact(routerOperations(router));
  }

  async deleteRouter(router: RouterSpec): Promise<void> {
    await this.#delete('Logical_Router', routerName(router));
    for (const port of [router.gateway, ...router.interfaces]) {
      await this.#content.deletePort({ id: port.portId, network: port.network });
    }
  }

  /** Moves the gateway port: to the first of these nodes that can have it. */
  async orderGateways(router: RouterSpec, nodes: readonly ChassisName[]): Promise<void> {
    await this.#content.transact(gatewayOrderOperations(router, nodes));
  }

  /** Waits until OVN has the gateway port on that node; returns the time in milliseconds. */
  async awaitGateway(router: RouterSpec, node: ChassisName, options: UntilOptions = {}): Promise<number> {
    const port = `cr-${routerPortName(router.gateway)}`;
    const probe = async (): Promise<Seen<true>> => {
      const host = await this.#content.boundTo(port);
      return host === node ? { value: true } : { seen: `bound to ${host || 'nothing'}` };
    };
    return (await until(`${port} to be active on ${node}`, probe, options)).elapsedMs;
  }

  /**
   * Waits until the gateway port is on that node for good. As long as the sessions (BFD) between the gateway nodes are not
   * up, each takes the others for dead and claims the port, in turn.
   */
  async awaitSteadyGateway(lab: Lab, router: RouterSpec, node: ChassisName): Promise<void> {
    await Promise.all(router.gatewayNodes.map((each) => awaitSessions(lab, each, router)));
    let steady = 0;
    const port = `cr-${routerPortName(router.gateway)}`;
    await until(`${port} to stay on ${node}`, async (): Promise<Seen<true>> => {
      const host = await this.#content.boundTo(port);
      steady = host === node ? steady + 1 : 0;
      return steady >= STEADY ? { value: true } : { seen: `bound to ${host || 'nothing'}` };
    });
  }

  async addFloatingIp(router: RouterSpec, fip: FloatingIpSpec): Promise<void> {
    const [, uuid] = await this.#row('Logical_Router_Port', 'name', routerPortName(router.gateway));
    await this.#content.transact(floatingIpOperations(router, fip, uuid));
    if (fip.portId !== undefined)
      await this.#content.setExternalIds(fip.portId, { 'neutron:port_fip': fip.address });
  }

  async deleteFloatingIp(router: RouterSpec, fip: FloatingIpSpec): Promise<void> {
    const row = await this.#row('NAT', 'external_ip', fip.address);
    await this.#content.transact([routerMutation(router, 'nat', 'delete', row)]);
    if (fip.portId !== undefined) await this.#content.setExternalIds(fip.portId, { 'neutron:port_fip': '' });
  }

  async addLoadBalancer(router: RouterSpec, lb: LoadBalancerSpec): Promise<void> {
    await this.#content.transact(loadBalancerOperations(router, lb));
  }

  async deleteLoadBalancer(lb: LoadBalancerSpec): Promise<void> {
    await this.#delete('Load_Balancer', lb.id);
    await this.#content.deletePort(lb.vipPort);
  }

  async addPortForwarding(router: RouterSpec, forwarding: PortForwardingSpec): Promise<void> {
    await this.#content.transact(portForwardingOperations(router, forwarding));
  }

  async deletePortForwarding(forwarding: PortForwardingSpec): Promise<void> {
    await this.#delete('Load_Balancer', portForwardingName(forwarding));
  }

  /** Neutron's word for the whole cloud: whether floating IPs are translated where their ports run. */
  async setDistributed(distributed: boolean): Promise<void> {
    const ids = { 'neutron:fip-distributed': distributed ? 'True' : 'False' };
    await this.#content.transact([
      {
        op: 'mutate',
        table: 'NB_Global',
        where: [],
        mutations: [
          ['external_ids', 'delete', ['set', Object.keys(ids)]],
          ['external_ids', 'insert', map(ids)],
        ],
      },
    ]);
  }

  async #delete(table: string, name: string): Promise<void> {
    await this.#content.transact([{ op: 'delete', table, where: [['name', '==', name]] }]);
  }

  async #row(table: string, column: string, value: string): Promise<Uuid> {
    const [result] = await this.#content.transact([
      { op: 'select', table, where: [[column, '==', value]], columns: ['_uuid'] },
    ]);
    const [row] = (result?.rows ?? []) as readonly OvsdbOperation[];
    if (row === undefined) throw new LabError('absent', `there is no ${table} with ${column} ${value}`);
    return row._uuid as Uuid;
  }
}

/** The sessions of a gateway node with the others, as its vswitchd has them on the tunnels. */
async function awaitSessions(lab: Lab, node: ChassisName, router: RouterSpec): Promise<void> {
  const others = router.gatewayNodes.length - 1;
  if (others <= 0) return;
  const ask = ['ovs-vsctl', '--bare', '--columns=bfd_status', 'find', 'Interface', 'bfd:enable=true'];
  await until(`the sessions of ${node} with other gateway nodes to be up`, async (): Promise<Seen<true>> => {
    const { stdout } = await lab.node(node).exec(ask);
    const sessions = stdout.split('\n').filter((line) => line.trim() !== '');
    const up = sessions.filter((line) => /\bstate="?up\b/.test(line));
    const all = sessions.length >= others && up.length === sessions.length;
    return all ? { value: true } : { seen: `${up.length} of ${sessions.length}` };
  });
}
