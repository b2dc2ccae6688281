/**
 * VIF, virtual and external ports of the Southbound database: bindings that are no plumbing of OVN's.
 *
 * In: a binding, the networks and routers around it. Out: the port as a candidate. Cannot fail: what a row lacks is absent.
 */
import { CIDRS_KEY, words } from './external-ids.ts';
import type { SouthboundRouters } from './southbound-routers.ts';
import { bindingMarks, bindingReference, residenceOf, scopesOf } from './southbound-rows.ts';
import type { PortBinding, SouthboundViews } from './southbound-schema.ts';
import { portKey, type WorkloadPort } from './topology.ts';

/** Bindings that OVN makes for its own plumbing: no workload has them. */
const PLUMBING: ReadonlySet<string> = new Set(['localnet', 'patch', 'chassisredirect', 'l3gateway']);

export function isWorkload(row: { readonly type: string }): boolean {
  return !PLUMBING.has(row.type);
}

export function workloadPort(
  row: PortBinding,
  views: SouthboundViews,
  routers: SouthboundRouters,
  systemId: string,
): WorkloadPort {
  const network = routers.network(row.datapath);
  const residence = residenceOf(row, views, systemId);
  return {
    kind: 'port',
    key: portKey(row._uuid),
    row: bindingReference(row),
    name: row.logical_port,
    type: row.type,
    addressTexts: row.mac,
    cidrs: words(row.external_ids.get(CIDRS_KEY)),
    networkName: network?.name,
    network,
    residence,
    // A virtual port has an owner before anybody claims it: its address is asked for.
    active: row.type === 'virtual' || row.chassis !== undefined,
    scopes: scopesOf(row),
    subnets: routers.subnetsOf(row.datapath),
    // Where the port is to run but does not yet, nobody answers the kernel's question for it.
    neighbor: residence.kind === 'migrating',
    proxyNdp: row.type === 'virtual',
    marks: bindingMarks(row),
  };
}
