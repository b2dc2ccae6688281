/**
 * What a node that is not there needs, as far as files say it.
 *
 * In: the configuration, its Open_vSwitch database, addresses that were given. Out: needs, and an assumption that says what
 * of it no file tells. Names are not looked up: what they mean here need not be what they mean there. Pure.
 */
import { type InterfaceAddress, parseIp } from '../../base/address.ts';
import { addressNeed, NodeNeeds, networkNeed } from '../../exposures/needs.ts';
import type { OvsSnapshot } from '../../openvswitch/types.ts';
import type { Assumption } from '../offline-node.ts';
import { databaseHosts, databaseNeeds, type RemoteConfig, tunnelEnds, tunnelNeeds } from './switch-needs.ts';

export function offlineNeeds(
  config: RemoteConfig,
  snapshot: OvsSnapshot,
  bridgeAddresses: ReadonlyMap<string, readonly InterfaceAddress[]> = new Map(),
): { readonly needs: NodeNeeds; readonly assumption: Assumption } {
  const hosts = databaseHosts(config, snapshot);
  const needs = new NodeNeeds([
    ...hosts.flatMap((host) => {
      const address = parseIp(host.host);
      return address === undefined ? [] : databaseNeeds(host, [address]);
    }),
    ...tunnelNeeds(tunnelEnds(snapshot)),
    ...[...bridgeAddresses].flatMap(([bridge, addresses]) =>
      addresses.flatMap(({ address, network }) => [
        ...addressNeed('own-address', address, `own address on ${bridge}`),
        ...networkNeed('connected-network', network, `network connected to ${bridge}`),
      ]),
    ),
  ]);
  const names = [...new Set(hosts.map(({ host }) => host).filter((host) => parseIp(host) === undefined))];
  const unknown = [
    'its addresses and networks',
    'next hops',
    'BGP peers',
    ...names.map((name) => `addresses of ${name}`),
  ];
  return {
    needs,
    assumption: {
      subject: 'what the node needs itself',
      assumed: `databases and tunnels alone (${needs.all.length} known); nothing is held against ${unknown.join(', ')}`,
      reason: 'no file says it; plan on the node itself does so',
    },
  };
}
