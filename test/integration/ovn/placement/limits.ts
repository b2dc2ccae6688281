/**
 * Where a driver may differ from what OVN does: what its database does not tell, and what is decided otherwise on purpose.
 * Each stands in docs/reference/placement.md, word by word. A difference that is none of these is a fault.
 *
 * In: the cloud and an address that a driver does not expose although OVN serves it (`missing`), or exposes although it
 * does not, or not there (`surplus`). Out: the limit.
 */
import {
  contains,
  familyOf,
  type IpAddress,
  parseInterfaceAddress,
  parseIp,
} from '../../../../src/base/address.ts';
import type { Cloud, CloudNat, CloudRouter } from './cloud.ts';

export type Driver = 'Northbound' | 'Southbound';
export type Difference = 'missing' | 'surplus';

export interface Limit {
  readonly text: string;
  readonly drivers: readonly Driver[];
  readonly difference: Difference | 'any';
  /** The first release of OVN that does not have it: `[23, 9]`. */
  readonly until?: readonly [year: number, month: number];
  /** Not met by few clouds. */
  readonly rare?: true;
  readonly applies: (cloud: Cloud, address: IpAddress) => boolean;
}

export const LIMITS: readonly Limit[] = [
  {
    text: 'A floating IP waits until the port that its row names is up and switched on.',
    drivers: ['Northbound', 'Southbound'],
    difference: 'missing',
    applies: (cloud, address) => natsOf(cloud, address).some((nat) => isWaiting(cloud, nat)),
  },
  {
    text: 'External ports that are switched off are not exposed, although OVN, which delivers to none, has no flow to tell.',
    drivers: ['Northbound'],
    difference: 'missing',
    applies: (cloud, address) =>
      cloud.ports.some(
        ({ type, enabled, addresses }) =>
          type === 'external' && !enabled && addresses.map(parseIp).includes(address),
      ),
  },
  {
    text: 'IPv6 addresses of NAT rows are not in the Southbound database.',
    drivers: ['Southbound'],
    difference: 'missing',
    applies: (cloud, address) => familyOf(address) === 6 && natsOf(cloud, address).length > 0,
  },
  {
    text: "Translated addresses are in the Southbound database where options:nat-addresses of the switch's port says router.",
    drivers: ['Southbound'],
    difference: 'missing',
    applies: (cloud, address) =>
      routersWith(cloud, address).some(({ ports }) => ports.some(({ natAddresses }) => !natAddresses)),
  },
  {
    text: 'enabled=false of ports is not in the Southbound database; that of routers is.',
    drivers: ['Southbound'],
    difference: 'surplus',
    applies: (cloud, address) =>
      cloud.ports.some(({ enabled, addresses }) => !enabled && addresses.map(parseIp).includes(address)) ||
      natsOf(cloud, address).some((nat) => isWaiting(cloud, nat)) ||
      routersWith(cloud, address).some(({ ports }) =>
        ports.some(({ enabled, sideEnabled }) => !enabled || !sideEnabled),
      ),
  },
  {
    text: 'NAT rows that OVN leaves out are in the Southbound database like the others.',
    drivers: ['Southbound'],
    difference: 'surplus',
    applies: (cloud, address) =>
      cloud.routers.some((router) =>
        router.nats.some((nat) => parseIp(nat.external) === address && isLeftOut(router, nat)),
      ),
  },
  {
    text: 'Where networks of gateway ports of a router overlap, releases of OVN differ in which serves a NAT row that names none.',
    drivers: ['Northbound', 'Southbound'],
    difference: 'any',
    rare: true,
    applies: (cloud, address) =>
      cloud.routers.some(
        ({ nats, ports }) =>
          nats.some(
            ({ external, gatewayPort }) => gatewayPort === undefined && parseIp(external) === address,
          ) &&
          ports.filter(({ gateway, networks }) => gateway !== 'none' && isAround(networks, address)).length >
            1,
      ),
  },
  {
    text: 'VIPs in a provider network that a router attaches by a port that is no gateway port are at its gateway ports in the Southbound database.',
    drivers: ['Southbound'],
    difference: 'surplus',
    rare: true,
    applies: (cloud, address) =>
      vipsOf(cloud, address).some(({ router }) =>
        router.ports.some(
          ({ gateway, network, networks }) =>
            gateway === 'none' &&
            router.pinnedTo === undefined &&
            cloud.networks.some(({ name, physical }) => name === network && physical !== undefined) &&
            isAround(networks, address),
        ),
      ),
  },
  {
    text: 'VIPs of a router with several gateway ports are at each of them in the Southbound database.',
    drivers: ['Southbound'],
    difference: 'surplus',
    applies: isBalancedAtSeveral,
  },
  {
    text: 'Before OVN 23.09 the Southbound database has no load balancers of routers alone, and of others it does not tell the routers.',
    drivers: ['Southbound'],
    difference: 'surplus',
    until: [23, 9],
    applies: (cloud, address) =>
      vipsOf(cloud, address).some(({ by, members }) => by !== 'router' || members === ''),
  },
  {
    text: 'Before OVN 24.03 a router with several gateway ports balances at the first of them alone.',
    drivers: ['Northbound'],
    difference: 'surplus',
    until: [24, 3],
    applies: isBalancedAtSeveral,
  },
];

/** `ovn-northd 23.03.1`. */
export function releaseOf(version: string): readonly [year: number, month: number] {
  const [, year, month] = /(\d+)\.(\d+)/.exec(version) ?? [];
  return [Number(year), Number(month)];
}

export function limitOf(
  difference: Difference,
  driver: Driver,
  address: IpAddress,
  cloud: Cloud,
  [year, month]: readonly [number, number],
): Limit | undefined {
  return LIMITS.find(
    ({ difference: which, drivers, until, applies }) =>
      (which === 'any' || which === difference) &&
      drivers.includes(driver) &&
      (until === undefined || year < until[0] || (year === until[0] && month < until[1])) &&
      applies(cloud, address),
  );
}

/** The rows around an address, for a report. */
export function rowsAround(cloud: Cloud, address: IpAddress): readonly string[] {
  return [
    ...cloud.ports.filter(({ addresses }) => addresses.map(parseIp).includes(address)),
    ...routersWith(cloud, address).flatMap(({ ports, nats, loadBalancers, ...router }) => [
      router,
      ...ports,
      ...nats.filter(({ external }) => parseIp(external) === address),
      ...loadBalancers,
    ]),
  ].map((row) => JSON.stringify(row));
}

function natsOf(cloud: Cloud, address: IpAddress): readonly CloudNat[] {
  return cloud.routers.flatMap(({ nats }) => nats).filter(({ external }) => parseIp(external) === address);
}

function isAround(networks: readonly string[], address: IpAddress): boolean {
  return networks.some((text) => {
    const network = parseInterfaceAddress(text)?.network;
    return network !== undefined && contains(network, address);
  });
}

function isWaiting(cloud: Cloud, { port }: CloudNat): boolean {
  return cloud.ports.some(({ name, enabled, up }) => name === port && (!enabled || !up));
}

function isLeftOut({ pinnedTo, ports }: CloudRouter, { sets, gatewayPort }: CloudNat): boolean {
  if (sets === 'both') return true;
  if (gatewayPort === undefined) return false;
  return (
    pinnedTo !== undefined || !ports.some(({ name, gateway }) => name === gatewayPort && gateway !== 'none')
  );
}

/** Load balancers that have the address, a row for each of their keys. */
function vipsOf(cloud: Cloud, address: IpAddress) {
  return cloud.routers.flatMap((router) =>
    router.loadBalancers.flatMap(({ by, vips }) =>
      Object.entries(vips)
        .filter(([key]) => parseIp(key.replace(/:\d+$/, '').replaceAll(/[[\]]/g, '')) === address)
        .map(([, members]) => ({ router, by, members })),
    ),
  );
}

function isBalancedAtSeveral(cloud: Cloud, address: IpAddress): boolean {
  return vipsOf(cloud, address).some(
    ({ router }) => router.ports.filter(({ gateway }) => gateway !== 'none').length > 1,
  );
}

/** Routers that have the address in any of their rows. */
function routersWith(cloud: Cloud, address: IpAddress): readonly CloudRouter[] {
  const balancing = new Set(vipsOf(cloud, address).map(({ router }) => router));
  return cloud.routers.filter(
    (router) =>
      balancing.has(router) ||
      router.nats.some(({ external }) => parseIp(external) === address) ||
      router.ports.some(({ networks }) =>
        networks.some((text) => parseInterfaceAddress(text)?.address === address),
      ),
  );
}
