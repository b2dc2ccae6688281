/** What stands on the node of a benchmark: a compute node's ports, or a gateway node's floating IPs and tenant hosts. */
import { tenantAddress, workloadAddress, workloadMac } from './addresses.ts';
import { type BenchCloud, Cloud, type Transact } from './cloud.ts';
import { GATEWAY_MAC, GatewayCloud } from './gateway-cloud.ts';
import { ADVERTISED_IN_MAIN, GATEWAY_IN_MAIN, type Signs } from './signs.ts';

/** An exposed address; without `mac` it is only advertised, its subnet carries it. */
export interface BenchAddress {
  readonly address: string;
  readonly mac?: string;
}

export interface Workload {
  /** Before the names of its reports. */
  readonly prefix: string;
  readonly title: string;
  /** Lines of the configuration. */
  readonly settings: string;
  readonly exposuresPerRow: number;
  readonly signs: Signs;
  readonly create: (transact: Transact, host: string) => Promise<BenchCloud>;
  /** What the row of that number exposes, what is wired first. */
  readonly addresses: (number: number) => readonly [BenchAddress, ...BenchAddress[]];
}

export const PORTS: Workload = {
  prefix: '',
  title: '',
  settings: '',
  exposuresPerRow: 1,
  signs: ADVERTISED_IN_MAIN,
  create: (transact, host) => Cloud.create(transact, host),
  addresses: (number) => [{ address: workloadAddress(number), mac: workloadMac(number) }],
};

export const GATEWAY: Workload = {
  prefix: 'gateway-',
  title: ' (gateway node: half floating IPs, half tenant hosts)',
  settings: 'expose_tenant_networks = true\n',
  exposuresPerRow: 2,
  signs: GATEWAY_IN_MAIN,
  create: (transact, host) => GatewayCloud.create(transact, host),
  addresses: (number) => [
    { address: workloadAddress(number), mac: GATEWAY_MAC },
    { address: tenantAddress(number) },
  ],
};
