/**
 * What the local Open_vSwitch database and the configuration say that a node needs: where its OVN databases are, and the
 * ends of its tunnels.
 *
 * In: the snapshot, the configuration. Out: remotes with what names them, addresses or names; tunnel ends. Pure and total:
 * text that is no remote names nothing.
 */
import { type IpAddress, parseIp } from '../../base/address.ts';
import type { AgentConfig } from '../../config/types.ts';
import { addressNeed, type NodeNeed } from '../../exposures/needs.ts';
import type { OvsSnapshot } from '../../openvswitch/types.ts';
import { parseRemote } from '../../ovsdb/remote.ts';

/** A database member, by address or by a name that somebody has to look up. */
export interface DatabaseHost {
  readonly host: string;
  /** Where it is written: `external_ids:ovn-remote`. */
  readonly source: string;
}

export type RemoteConfig = Pick<
  AgentConfig,
  'ovnNbConnection' | 'ovnSbConnection' | 'ovsdbConnection' | 'localOvnCluster' | 'exposingMethod'
>;

/** Each host once for every place that names it, in the order of the places. */
export function databaseHosts(
  config: RemoteConfig,
  snapshot: Pick<OvsSnapshot, 'externalIds'>,
): readonly DatabaseHost[] {
  const local = config.exposingMethod === 'ovn' ? config.localOvnCluster.ovnNbConnection : undefined;
  const texts: [source: string, text: string | undefined][] = [
    ['ovn_nb_connection', config.ovnNbConnection],
    ['ovn_sb_connection', config.ovnSbConnection],
    ['ovsdb_connection', config.ovsdbConnection],
    ['[local_ovn_cluster] ovn_nb_connection', local],
  ];
  // Those of every ovn-controller on this switch: keys may end in a chassis' name.
  for (const [key, text] of snapshot.externalIds) {
    if (/^ovn-(?:nb-)?remote(?:-|$)/.test(key)) texts.push([`external_ids:${key}`, text]);
  }
  const found = new Map<string, DatabaseHost>();
  for (const [source, text] of texts) {
    for (const host of hostsOf(text ?? '')) found.set(`${source} ${host}`, { host, source });
  }
  return [...found.values()];
}

/** An end of a tunnel, and whose it is. */
export interface TunnelEnd {
  readonly address: IpAddress;
  readonly what: string;
}

/** Own ends as ovn-controller is told them, and the others' as it has made ports to them. */
export function tunnelEnds({
  externalIds,
  bridges,
}: Pick<OvsSnapshot, 'externalIds' | 'bridges'>): readonly TunnelEnd[] {
  const ends: TunnelEnd[] = [];
  const add = (address: IpAddress | undefined, what: string): void => {
    if (address !== undefined) ends.push({ address, what });
  };
  for (const [key, text] of externalIds) {
    if (!/^ovn-encap-ip(?:-|$)/.test(key)) continue;
    for (const item of text.split(',')) add(parseIp(item.trim()), 'own tunnel endpoint');
  }
  for (const bridge of bridges.values()) {
    for (const { name, tunnelTo } of bridge.ports.values()) {
      add(tunnelTo, `tunnel endpoint of ${name}`);
    }
  }
  return ends;
}

export function tunnelNeeds(ends: readonly TunnelEnd[]): readonly NodeNeed[] {
  return ends.flatMap(({ address, what }) => addressNeed('tunnel-endpoint', address, what));
}

export function databaseNeeds(host: DatabaseHost, addresses: readonly IpAddress[]): readonly NodeNeed[] {
  const name = parseIp(host.host) === undefined ? ` ${host.host}` : '';
  return addresses.flatMap((address) =>
    addressNeed('database', address, `database${name} of ${host.source}`),
  );
}

function hostsOf(text: string): readonly string[] {
  return text.split(',').flatMap((item) => {
    try {
      const remote = parseRemote(item.trim());
      return remote.kind === 'unix' ? [] : [withoutZone(remote.host)];
    } catch {
      // Whoever connects to it says what is wrong with it.
      return [];
    }
  });
}

function withoutZone(host: string): string {
  return host.replace(/%.*$/, '');
}
