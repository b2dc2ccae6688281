/**
 * The MAC addresses that floating IPs had: Neutron takes the address out of the row while the port is down, also in a live
 * migration, in which the floating IP stays.
 *
 * In: candidates as they are evaluated, and once after a start what stands on the node. Out: the last MAC address by candidate. A
 * start in the middle of a migration finds none in the row; the neighbour entry of the life before has it.
 */
import { type IpAddress, type MacAddress, parseIp, parseMac } from '../base/address.ts';
import type { ObservedObject } from '../node/objects.ts';
import type { Candidate, CandidateKey } from '../ovn/topology.ts';

export class LastMacs {
  readonly #macs = new Map<CandidateKey, MacAddress>();
  /** Addresses of floating IPs in a migration whose MAC address was not seen; absent: the node was asked already. */
  #wanting: Map<CandidateKey, IpAddress> | undefined = new Map();

  /** A live view. */
  get macs(): ReadonlyMap<CandidateKey, MacAddress> {
    return this.#macs;
  }

  observe(key: CandidateKey, candidate: Candidate | undefined): void {
    const fip = candidate?.kind === 'nat' && candidate.from === 'nat-row' ? candidate : undefined;
    const place = fip?.port?.residence.kind ?? 'nowhere';
    this.#wanting?.delete(key);
    if (place === 'elsewhere' || place === 'nowhere') {
      this.#macs.delete(key);
      return;
    }
    const mac = parseMac(fip?.externalMacText ?? '');
    const address = parseIp(fip?.externalIpText ?? '');
    if (mac !== undefined) this.#macs.set(key, mac);
    else if (address !== undefined && place === 'migrating' && !this.#macs.has(key))
      this.#wanting?.set(key, address);
  }

  /** Takes what is missing from neighbour entries of the agent's; works once. Returns the candidates to evaluate again. */
  recall(neighbours: Iterable<ObservedObject>): readonly CandidateKey[] {
    const wanting = this.#wanting;
    this.#wanting = undefined;
    if (wanting === undefined || wanting.size === 0) return [];
    const standing = new Map<IpAddress, MacAddress>();
    for (const { object, owned } of neighbours) {
      if (owned && object.kind === 'neighbor') standing.set(object.address, object.mac);
    }
    return [...wanting].flatMap(([key, address]) => {
      const mac = standing.get(address);
      if (mac === undefined) return [];
      this.#macs.set(key, mac);
      return [key];
    });
  }
}
