/**
 * What keeps the node's own OVN from working, or will sooner or later, in words: for the log, `plan` and the status. Pure.
 */
import { quote } from '../base/quote.ts';
import { findUplinks, isDown, type Uplink, type Way } from './ovn-uplinks.ts';
import type { LocalOvnFacts, Pending, WiringInput } from './types.ts';

const SUBJECT = 'local OVN';

export function localProblems(input: WiringInput): readonly Pending[] {
  const { bgpChassisId } = input.config.localOvnCluster;
  const { localOvn: local } = input.facts;
  if (local === undefined || local.mappings.length === 0) {
    const reason =
      `external_ids:ovn-bridge-mappings-${bgpChassisId} of the local Open_vSwitch database is not set: ` +
      "there is no OVN of the node's own; ovn-bgp-agent local-ovn up sets one up";
    return [{ subject: SUBJECT, reason }];
  }
  return [
    ...findUplinks(input, local).problems,
    ...databaseProblems(local),
    ...innerProblems(input, local),
    ...datapathProblems(local),
    ...controllerProblems(input, local),
  ];
}

function databaseProblems(local: LocalOvnFacts): readonly Pending[] {
  if (local.foreign !== undefined) return [{ subject: SUBJECT, reason: local.foreign }];
  if (local.capabilities !== undefined) return [];
  const reason = "the node's own Northbound database has not been read yet; see whether it runs";
  return [{ subject: SUBJECT, reason }];
}

function innerProblems({ config, facts }: WiringInput, local: LocalOvnFacts): readonly Pending[] {
  const mapped = new Set(local.mappings.map(({ bridge }) => bridge));
  if (facts.bridgeMappings.some(({ bridge }) => mapped.has(bridge))) return [];
  const reason =
    `none of the bridges of ovn-bridge-mappings is in ovn-bridge-mappings-${config.localOvnCluster.bgpChassisId}: ` +
    "the node's own OVN has no way to the provider networks";
  return [{ subject: SUBJECT, reason }];
}

/** Patch ports connect bridges of one kind only. */
function datapathProblems(local: LocalOvnFacts): readonly Pending[] {
  const kinds = new Map<string, string[]>();
  for (const { name, datapathType } of local.bridges.values()) {
    // An empty type is that of the kernel (ovs-vswitchd.conf.db(5)).
    const type = datapathType === '' ? 'system' : datapathType;
    kinds.set(type, [...(kinds.get(type) ?? []), name]);
  }
  if (kinds.size < 2) return [];
  const texts = [...kinds].map(([type, names]) => `${names.join(', ')} of ${quote(type)}`).sort();
  const reason = `the bridges are of different datapath types (${texts.join('; ')}): patch ports do not cross them`;
  return [{ subject: SUBJECT, reason }];
}

function controllerProblems(input: WiringInput, local: LocalOvnFacts): readonly Pending[] {
  const problems: Pending[] = [];
  const { bgpChassisId, bfd } = input.config.localOvnCluster;
  if (!local.zoneRange) {
    const reason =
      `external_ids:ct-zone-range-${bgpChassisId} is not set: the two ovn-controllers number conntrack zones of one ` +
      "datapath, and may flush each other's connections";
    problems.push({ subject: SUBJECT, reason });
  }
  const { uplinks } = findUplinks(input, local);
  const sessions = uplinks.flatMap((uplink) => uplink.ways.map((way) => ({ uplink, way })));
  if (bfd && sessions.length > 0 && sessions.every(({ uplink, way }) => isDown(local, uplink, way))) {
    const reason =
      "all BFD sessions of the node's own OVN are down, and its routes with them: nothing leaves the node. FRR of this " +
      'node must not run BFD on the same addresses (no "neighbor ... bfd"), the leafs must run it';
    problems.push({ subject: SUBJECT, reason });
    return problems;
  }
  for (const { uplink, way } of bfd ? sessions : []) {
    if (!isDown(local, uplink, way) || !isInUse(local, uplink, way)) continue;
    const reason =
      `the BFD session of the node's own OVN with ${way.nexthop} is down, though FRR routes through it: FRR of this node must ` +
      'not run BFD on the same address (no "neighbor ... bfd"), the leaf must run it';
    problems.push({ subject: `uplink ${uplink.network}`, reason });
  }
  return problems;
}

/** FRR takes the way, so the leaf is alive: what OVN does not hear of it somebody else hears. */
function isInUse({ nextHops }: LocalOvnFacts, { bridge }: Uplink, { family }: Way): boolean {
  return nextHops.some((hop) => hop.device === bridge && hop.family === family);
}
