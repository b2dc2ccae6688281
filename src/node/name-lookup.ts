/**
 * Looks up names as every other program of the node does: hosts file, DNS, whatever nsswitch.conf says.
 *
 * In: a name. Out: all of its addresses. Rejects when there is no answer; the call may take as long as the resolver does.
 */
import { getServers, promises } from 'node:dns';
import { type IpAddress, parseIp } from '../base/address.ts';

export interface NameLookup {
  addressesOf(name: string): Promise<readonly IpAddress[]>;
  /** The name servers of the system's resolver. */
  servers(): readonly IpAddress[];
}

export const systemNames: NameLookup = {
  addressesOf: async (name) =>
    parsed((await promises.lookup(name, { all: true })).map((item) => item.address)),
  // With a port other than 53 the address has brackets and the port behind it.
  servers: () => parsed(getServers().map((text) => text.replace(/^\[(.*)\].*$/, '$1').replace(/%.*$/, ''))),
};

function parsed(texts: readonly string[]): readonly IpAddress[] {
  return texts.map(parseIp).filter((address) => address !== undefined);
}
