/**
 * The ways between the kernel and OVN on this node: bridges, VLAN devices and patch ports, as far as they are usable.
 *
 * In: a bridge, VLAN or localnet, and what is known about the node. Out: what wiring needs to know of it, or the reason
 * why it cannot be used yet, with what to do about it. Base wiring and exposures ask the same questions here, so an
 * exposure never refers to something that the base does not provide.
 */
import type { MacAddress } from '../base/address.ts';
import { quote } from '../base/quote.ts';
import { isVlan } from '../exposures/provider-network.ts';
import { macTweakFlows } from '../openvswitch/flows.ts';
import type { Flow } from '../openvswitch/types.ts';
import { bridgePart, handoverDevice, patchPort } from './names.ts';
import type { BridgeFacts, WiringInput } from './types.ts';

export type Usable<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly reason: string };

export type BridgeHandover = Usable<{ readonly mac: MacAddress; readonly facts: BridgeFacts }>;
export type VlanHandoverWay = Usable<{ readonly device: string; readonly by: 'kernel' | 'ovs' }>;

/** OFPP_MAX of OpenFlow 1.0: ports above are reserved. */
const MAX_OFPORT = 0xfeff;

/** The bridge and the kernel device of its name. */
export function bridgeHandover(bridge: string, { config, facts }: WiringInput): BridgeHandover {
  if (config.advertiseVia === 'vrf' && (bridge === config.bgpNic || bridge === config.bgpVrf)) {
    return {
      ok: false,
      reason: `the bridge has the name of the agent's own device ${bridge}; rename one of them`,
    };
  }
  const known = facts.bridges.get(bridge);
  if (known === undefined) {
    return {
      ok: false,
      reason: `OVS bridge ${bridge} does not exist; create it, or correct ovn-bridge-mappings`,
    };
  }
  if (known.device === undefined) {
    return {
      ok: false,
      reason: `OVS bridge ${bridge} has no kernel device yet; ovs-vswitchd makes it (its log tells why it does not)`,
    };
  }
  return { ok: true, mac: known.device.mac, facts: known };
}

/** The routing table of a bridge. */
export function bridgeTable(bridge: string, { facts }: WiringInput): Usable<{ readonly table: number }> {
  const table = facts.tables.get(bridge);
  if (table !== undefined) return { ok: true, table };
  const problem = facts.tableProblems?.get(bridge);
  if (problem !== undefined) return { ok: false, reason: problem };
  const reason =
    `bridge ${bridge} has no routing table: rt_tables gives it a number that cannot be used ` +
    '(reserved, or of another bridge or VRF), or no number from 1 to 252 is free';
  return { ok: false, reason };
}

/** The device for a VLAN of a usable bridge; without a VLAN the bridge's own. */
export function vlanHandover(
  bridge: string,
  vlan: number | undefined,
  { config, facts }: WiringInput,
): VlanHandoverWay {
  const device = handoverDevice(bridge, vlan);
  if (vlan === undefined) return { ok: true, device, by: 'kernel' };
  if (!isVlan(vlan)) return { ok: false, reason: `${vlan} is no VLAN` };
  const bridges = [...new Set(facts.bridgeMappings.map((mapping) => mapping.bridge))];
  const namesake = bridges.find((other) => bridgePart(other) === bridgePart(bridge));
  if (namesake !== undefined && namesake !== bridge) {
    const reason =
      `VLAN devices of bridge ${bridge} would have the names of those of ${namesake}: ` +
      'the first ten characters are the same; rename one of the bridges';
    return { ok: false, reason };
  }
  if (bridges.includes(device) || device === config.bgpNic || device === config.bgpVrf) {
    return { ok: false, reason: `the name of VLAN device ${device} is in use; rename the other device` };
  }
  const by = config.vlanHandover === 'auto' ? (facts.kernelVlan ? 'kernel' : 'ovs') : config.vlanHandover;
  if (by === 'kernel' && !facts.kernelVlan) {
    return { ok: false, reason: `this kernel has no 802.1Q devices for ${device}; set vlan_handover to ovs` };
  }
  return { ok: true, device, by };
}

/** The flows that hand IP traffic of a localnet to the kernel. */
export function localnetFlows(
  localnet: string,
  bridge: { readonly mac: MacAddress; readonly facts: BridgeFacts },
  { facts }: Pick<WiringInput, 'facts'>,
): Usable<{ readonly flows: readonly Flow[] }> {
  const port = patchPort(localnet, facts.integrationBridge);
  const ofport = bridge.facts.ofports.get(port);
  if (ofport === undefined) {
    const reason = `bridge ${bridge.facts.name} has no patch port ${quote(port)} yet; ovn-controller makes it`;
    return { ok: false, reason };
  }
  if (!Number.isInteger(ofport) || ofport < 1 || ofport > MAX_OFPORT) {
    return {
      ok: false,
      reason: `patch port ${quote(port)} has no OpenFlow port number (${ofport}); see ovs-vswitchd's log`,
    };
  }
  return { ok: true, flows: macTweakFlows(ofport, bridge.mac) };
}
