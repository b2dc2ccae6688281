/**
 * Exposing method `ovn`: an OVN of the node's own routes between the fabric and the provider networks; the kernel has no
 * part in the traffic. For vswitchds that forward outside the kernel (DPDK, hardware offload).
 *
 * In (traffic to a workload): a flow on the fabric bridge hands it to the router, which knows the address's port and MAC
 * address. Out: a flow on the provider bridge hands whatever leaves the cloud's OVN to the router, and that sends it to the
 * leafs. Addresses are advertised as in the other methods.
 *
 * Input: exposures, this node's facts, localnet ports. Output: desired objects. What cannot be wired yet is pending with
 * a reason; what depends on it is left out, and the address is not advertised.
 */
import { contains, familyOf, isHostPrefix, type MacAddress, type Prefix } from '../base/address.ts';
import { quote } from '../base/quote.ts';
import type { Exposure } from '../exposures/types.ts';
import type { LocalRow } from '../localnb/types.ts';
import { keyOf } from '../node/keys.ts';
import type { NodeObject, ObjectKey } from '../node/objects.ts';
import { describeRow } from '../ovn/describe.ts';
import type { Localnet } from '../ovn/topology.ts';
import { advertise, advertiseBase, announcementOf } from './advertise.ts';
import { patchPort, proxyArpPath, proxyNdpPath } from './names.ts';
import { ObjectSet } from './object-set.ts';
import { bfdFlows, bridgeEntry, egressFlows, ingressFlow, isWired, resolutionFlows } from './ovn-flows.ts';
import { INNER_MAC, innerNames, localPatchPort, MAX_INNER_BRIDGES } from './ovn-names.ts';
import { localProblems } from './ovn-problems.ts';
import { type InnerSide, LocalRows } from './ovn-rows.ts';
import { findUplinks, type Uplink } from './ovn-uplinks.ts';
import type { ExposingMethodWiring, LocalOvnFacts, Wiring, WiringInput } from './types.ts';

export const ovn: ExposingMethodWiring = { base, expose };

/** Everything that base and exposures ask of the facts. */
interface Site {
  readonly local: LocalOvnFacts;
  readonly uplinks: readonly Uplink[];
  readonly rows: LocalRows;
  /** Untagged sides by provider bridge. */
  readonly inner: ReadonlyMap<string, InnerSide>;
}

function siteOf(input: WiringInput): Site | undefined {
  const { localOvn: local } = input.facts;
  if (local === undefined) return undefined;
  const { uplinks } = findUplinks(input, local);
  return {
    local,
    uplinks,
    rows: new LocalRows(input.config, local, uplinks),
    inner: innerSides(input, local),
  };
}

function innerSides(input: WiringInput, local: LocalOvnFacts): ReadonlyMap<string, InnerSide> {
  const provider = new Set(input.facts.bridgeMappings.map(({ bridge }) => bridge));
  const sides = new Map<string, InnerSide>();
  for (const { bridge, physicalNetwork: network } of local.mappings) {
    if (provider.has(bridge) && !sides.has(bridge)) {
      sides.set(bridge, { network, position: sides.size, vlan: undefined });
    }
  }
  return sides;
}

function base(input: WiringInput, localnets: Iterable<Localnet>): Wiring {
  const set = new ObjectSet();
  set.addAll(advertiseBase(input));
  const site = siteOf(input);
  for (const { subject, reason } of localProblems(input)) set.pend(subject, reason);
  if (site === undefined) return set.toWiring();
  const { local, uplinks, rows, inner } = site;
  const because = 'exposing_method = ovn';
  if (inner.size > 0) putRows(set, [...rows.router(), ...rows.waysOut()], because);
  for (const uplink of inner.size > 0 ? uplinks : []) addUplink(set, input, site, uplink);
  for (const [bridge, side] of inner) {
    if (side.position >= MAX_INNER_BRIDGES) continue;
    putRows(set, rows.inner(side), `bridge ${bridge} in ovn-bridge-mappings`);
    // The kernel has nothing to answer here (any more).
    if (local.bridges.get(bridge)?.device === undefined) continue;
    for (const path of [proxyArpPath(bridge), proxyNdpPath(bridge)]) {
      set.wire({ kind: 'sysctl', path, value: '0' }, because);
    }
  }
  for (const localnet of localnets) {
    for (const { physicalNetwork, bridge } of input.facts.bridgeMappings) {
      if (physicalNetwork !== localnet.physicalNetwork || !inner.has(bridge)) continue;
      const port = patchPort(localnet.name, input.facts.integrationBridge);
      const ofport = input.facts.bridges.get(bridge)?.ofports.get(port);
      // No reason to wait for: ovn-controller makes the patch port when the node has a port of the network.
      if (ofport === undefined || !leadsOut(site, bridge, localnet.tag)) continue;
      for (const flow of egressFlows(bridge, ofport)) set.wire(flow, describeRow(localnet.row));
    }
  }
  return set.toWiring();
}

/** What is sent to the router before it has a way in and a way out is lost: another method may still carry it. */
function leadsOut(site: Site, bridge: string, vlan: number | undefined): boolean {
  return innerPatch(site, bridge, vlan).ofport !== undefined && site.uplinks.some(isWired);
}

/** The patch port between a provider bridge and the node's own OVN, for one VLAN of it. */
function innerPatch(
  { local, inner }: Site,
  bridge: string,
  vlan: number | undefined,
): { readonly name: string; readonly ofport: number | undefined } {
  const side = inner.get(bridge);
  if (side === undefined) return { name: '', ofport: undefined };
  const { localnet } = innerNames(side.network, side.position, vlan);
  const name = localPatchPort(localnet, local.integrationBridge);
  return { name, ofport: local.bridges.get(bridge)?.ports.find((port) => port.name === name)?.ofport };
}

/** One fabric bridge: its side of the router, and the flows that every address needs. */
function addUplink(set: ObjectSet, input: WiringInput, { local, rows }: Site, uplink: Uplink): void {
  const because = `uplink ${uplink.network}:${uplink.bridge}`;
  const { bfd, providerNetworksPoolPrefixes: pool } = input.config.localOvnCluster;
  set.wire(bridgeEntry(uplink), because);
  putRows(set, rows.outer(uplink), because);
  if (uplink.nic.inKernel && local.bridges.get(uplink.bridge)?.datapathType === 'netdev') {
    // The kernel sees the frames, too, and would answer for the bridge's address with the MAC address of the NIC.
    const { name } = uplink.nic;
    set.wire({ kind: 'sysctl', path: `net/ipv4/conf/${name}/arp_ignore`, value: '8' }, because);
    set.wire({ kind: 'sysctl', path: `net/ipv6/conf/${name}/disable_ipv6`, value: '1' }, because);
  }
  if (!isWired(uplink)) return;
  for (const flow of resolutionFlows(uplink)) set.wire(flow, because);
  if (bfd) for (const flow of bfdFlows(uplink)) set.wire(flow, because);
  if (!rows.compatible) return;
  for (const prefix of pool) set.wire(ingressFlow(uplink, prefix), because);
}

function expose(exposure: Exposure, input: WiringInput): Wiring {
  const set = new ObjectSet();
  const { prefix, delivery } = exposure;
  const claim = exposure.because[0];
  const because = claim === undefined ? prefix : `${prefix} of ${describeRow(claim.row)}`;
  const passage = passageOf(exposure, input);
  for (const reason of passage.reasons) set.pend(prefix, reason);
  if (!('site' in passage)) return set.toWiring();
  const { site, side, needed } = passage;
  const complete = passage.reasons.length === 0;
  const add = (prefixes: readonly Prefix[], rows: readonly LocalRow[], into: ObjectSet): void => {
    // Rows come first, whatever is missing: the router knows the address before a flow sends anything to it.
    needed.push(...putRows(into, rows, because));
    for (const uplink of complete ? site.uplinks.filter(isWired) : []) {
      for (const each of prefixes) needed.push(into.wire(ingressFlow(uplink, each), because));
    }
  };
  if (side.vlan !== undefined) needed.push(...putRows(set, site.rows.inner(side), because));
  switch (delivery.type) {
    case 'link': {
      const mac = delivery.mac ?? delivery.answersAt;
      if (mac === undefined) {
        set.pend(prefix, "no MAC address is known for it, and the node's own OVN cannot ask for one");
        return set.toWiring();
      }
      const pooled = site.rows.isPooled(side, exposure.address);
      add(pooled ? [] : [prefix], site.rows.host(side, exposure.address, mac), set);
      break;
    }
    case 'via': {
      const reason =
        delivery.mac === undefined
          ? `the MAC address of its gateway ${delivery.via} is not known`
          : undefined;
      const problem = reason ?? subnetProblem(prefix, site, side, input);
      if (problem !== undefined || delivery.mac === undefined) {
        set.pend(prefix, problem ?? '');
        return set.toWiring();
      }
      add([prefix], site.rows.subnet(side, prefix, delivery.via, delivery.mac), set);
      break;
    }
    case 'covered': {
      const problem = subnetProblem(delivery.subnet, site, side, input);
      if (problem !== undefined) {
        set.pend(prefix, problem);
        return set.toWiring();
      }
      // The subnet's own exposure puts it in place; only the keys count here.
      const anyMac: MacAddress = INNER_MAC;
      add([delivery.subnet], site.rows.subnet(side, delivery.subnet, delivery.via, anyMac), new ObjectSet());
      break;
    }
    default:
      delivery satisfies never;
  }
  if (complete && exposure.announce) {
    set.add(advertise(announcementOf(exposure, input.config), input.config, needed, because));
  }
  return set.toWiring();
}

/** `reasons`: why it is not complete. */
type Passage = { readonly reasons: readonly string[] } & (
  | { readonly site: Site; readonly side: InnerSide; readonly needed: ObjectKey[] }
  | { readonly unknown: true }
);

/** The way from the fabric to the exposure's network: what must be in place, or why it is not complete. */
function passageOf({ network, prefix }: Exposure, input: WiringInput): Passage {
  const site = siteOf(input);
  const { bgpChassisId } = input.config.localOvnCluster;
  const key = `ovn-bridge-mappings-${bgpChassisId}`;
  if (site === undefined)
    return { reasons: [`the local Open_vSwitch database has no ${key}`], unknown: true };
  const { uplinks, rows } = site;
  const flat = site.inner.get(network.bridge);
  const obstacle =
    flat === undefined
      ? `bridge ${network.bridge} is not in ${key}; the node's own OVN has no way to it`
      : sideProblem(site, { ...flat, vlan: network.vlan }, network.bridge, key);
  if (flat === undefined || obstacle !== undefined) return { reasons: [obstacle ?? ''], unknown: true };

  const reasons: string[] = [];
  const cloudPatch = patchPort(network.localnet, input.facts.integrationBridge);
  const ofport = input.facts.bridges.get(network.bridge)?.ofports.get(cloudPatch);
  const absent = (name: string): string => `bridge ${network.bridge} has no patch port ${quote(name)} yet`;
  if (ofport === undefined) {
    reasons.push(`${absent(cloudPatch)}; ovn-controller makes it`);
  }
  const patch = innerPatch(site, network.bridge, network.vlan);
  if (patch.ofport === undefined) {
    reasons.push(`${absent(patch.name)}; the node's own ovn-controller makes it`);
  }
  const wired = uplinks.filter(isWired);
  if (wired.length === 0) reasons.push('no uplink is complete yet');
  const family = familyOf(prefix);
  if (!rows.families().has(family)) {
    reasons.push(`no uplink has an IPv${family} next hop: what answers could not leave the node`);
  }
  const needed = [
    ...rowKeys([...rows.router(), ...rows.inner(flat)]),
    ...(ofport === undefined ? [] : egressFlows(network.bridge, ofport).map(keyOf)),
    ...wired.flatMap((uplink) => [
      keyOf(bridgeEntry(uplink)),
      ...rowKeys(rows.outer(uplink)),
      ...resolutionFlows(uplink).map(keyOf),
    ]),
  ];
  return { reasons, site, side: { ...flat, vlan: network.vlan }, needed };
}

/** Why the node's own OVN cannot have such a side. */
function sideProblem(
  { local }: Site,
  { network, position, vlan }: InnerSide,
  bridge: string,
  key: string,
): string | undefined {
  if (position >= MAX_INNER_BRIDGES) {
    return `bridge ${bridge} is one provider bridge too many: ${MAX_INNER_BRIDGES} are supported`;
  }
  const name = `${network}-${vlan}`;
  if (vlan === undefined || !local.mappings.some(({ physicalNetwork }) => physicalNetwork === name)) {
    return undefined;
  }
  return `network ${name} of ${key} has the name that VLAN ${vlan} needs; rename it`;
}

/** Why a subnet behind a gateway cannot be reached this way. */
function subnetProblem(
  subnet: Prefix,
  { rows }: Site,
  side: InnerSide,
  input: WiringInput,
): string | undefined {
  const { providerNetworksPoolPrefixes: pool } = input.config.localOvnCluster;
  const over = rows.compatible ? pool.find((prefix) => contains(prefix, subnet)) : undefined;
  if (over === undefined || isHostPrefix(subnet)) return undefined;
  return (
    `it lies inside ${over} of provider_networks_pool_prefixes, which the router takes for its own network ` +
    `on ${side.network}; take the tenant network out of the pool, or use the shape host-routes`
  );
}

function putRows(set: ObjectSet, rows: readonly LocalRow[], because: string): readonly ObjectKey[] {
  return rows.map((row) => set.wire(rowObject(row), because));
}

function rowKeys(rows: readonly LocalRow[]): readonly ObjectKey[] {
  return rows.map((row) => keyOf(rowObject(row)));
}

function rowObject(row: LocalRow): NodeObject {
  return { kind: 'local-row', row };
}
