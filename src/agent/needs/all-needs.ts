/**
 * What the node needs, from both who know of it: the node, and the database where that tells of tunnels.
 *
 * In: the needs of the facts, the tunnel endpoints of the topology. Out: all of them; the same object while neither is
 * another one. Text that is no address is no endpoint.
 */
import { parseIp } from '../../base/address.ts';
import { quote } from '../../base/quote.ts';
import { addressNeed, NodeNeeds } from '../../exposures/needs.ts';
import type { TunnelEndpoint } from '../../ovn/topology.ts';

const NO_ENDPOINTS: readonly TunnelEndpoint[] = [];

export class AllNeeds {
  #facts = NodeNeeds.NONE;
  #endpoints = NO_ENDPOINTS;
  #all = NodeNeeds.NONE;

  get all(): NodeNeeds {
    return this.#all;
  }

  update(facts: NodeNeeds = NodeNeeds.NONE, endpoints: readonly TunnelEndpoint[] = NO_ENDPOINTS): void {
    if (this.#facts === facts && this.#endpoints === endpoints) return;
    this.#facts = facts;
    this.#endpoints = endpoints;
    const tunnels = endpoints.flatMap(({ addressText, chassis }) => {
      const address = parseIp(addressText);
      return address === undefined
        ? []
        : addressNeed('tunnel-endpoint', address, `tunnel endpoint of chassis ${quote(chassis)}`);
    });
    const all = tunnels.length === 0 ? facts : new NodeNeeds([...facts.all, ...tunnels]);
    if (!all.equals(this.#all)) this.#all = all;
  }
}
