/**
 * Whom bgpd talks to, as its running configuration says: neighbours and listen ranges of every instance.
 *
 * In: the parsed configuration, and the VRF whose instance is the agent's own. Out: addresses and ranges, sorted. Pure and
 * total: neighbours that are interfaces or peer groups have no address, and are left out.
 */
import { compareIp, type IpAddress, type Prefix, parseIp, parsePrefix } from '../base/address.ts';
import type { ConfigNode } from './running-config.ts';

export interface BgpPeers {
  readonly peers: readonly { readonly address: IpAddress; readonly vrf?: string }[];
  /** `bgp listen range`: where neighbours may come from that nobody configured one by one. */
  readonly listenRanges: readonly { readonly prefix: Prefix; readonly vrf?: string }[];
  /** Those that somebody configured: one that bgpd chose may be any address of the node. */
  readonly routerIds: readonly { readonly address: IpAddress; readonly vrf?: string }[];
}

export function bgpPeers(config: readonly ConfigNode[], ownVrf: string): BgpPeers {
  const found = {
    peers: new Map<string, BgpPeers['peers'][number]>(),
    listenRanges: new Map<string, BgpPeers['listenRanges'][number]>(),
    routerIds: new Map<string, BgpPeers['routerIds'][number]>(),
  };
  for (const { line, children } of config) {
    const header = /^router bgp \S+(?: (?:vrf|view) (\S+))?/.exec(line);
    if (header === null || header[1] === ownVrf) continue;
    const vrf = header[1] === undefined || header[1] === 'default' ? {} : { vrf: header[1] };
    for (const child of children) {
      const [first = '', second = '', third = '', fourth = ''] = child.line.split(' ');
      const peer = first === 'neighbor' ? parseIp(second) : undefined;
      if (peer !== undefined) found.peers.set(`${peer} ${header[1]}`, { address: peer, ...vrf });
      const range =
        first === 'bgp' && second === 'listen' && third === 'range' ? parsePrefix(fourth) : undefined;
      if (range !== undefined) found.listenRanges.set(`${range} ${header[1]}`, { prefix: range, ...vrf });
      const id = first === 'bgp' && second === 'router-id' ? parseIp(third) : undefined;
      if (id !== undefined) found.routerIds.set(`${id} ${header[1]}`, { address: id, ...vrf });
    }
  }
  const byAddress = (a: { readonly address: IpAddress }, b: { readonly address: IpAddress }): number =>
    compareIp(a.address, b.address);
  return {
    peers: [...found.peers.values()].sort(byAddress),
    listenRanges: [...found.listenRanges.values()].sort((a, b) => compareIp(a.prefix, b.prefix)),
    routerIds: [...found.routerIds.values()].sort(byAddress),
  };
}
