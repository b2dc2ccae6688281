/**
 * The order of changes: wire first, advertise last; withdraw first, unwire last. Pure.
 *
 * A stage is one position in that order. Within a stage nothing depends on anything else of it.
 */
import { prefixLength } from '../base/address.ts';
import type { LinkObject, NodeObject, NodeObjectKind } from './objects.ts';

export const WITHDRAW = 'withdraw';
/**
 * Advertised routes through an address that is advertised itself go before it: with the last IPv4 address of a device the
 * kernel flushes its routes and tells nobody, so zebra would keep them.
 */
export const WITHDRAW_BEHIND = 'withdraw what is behind';
/** Advertisements that another one of the same prefix replaces: FRR chooses another route and withdraws nothing. */
export const WITHDRAW_REPLACED = 'withdraw what is replaced';
/** Things that must go before others can be made under their name. */
export const CLEAR = 'clear';
/** Flows that send traffic somewhere. */
export const TRAFFIC = 'flows';
export const ADVERTISE = 'advertise';
/** Routes through an address that is advertised itself: the kernel takes them only when that one is there. */
export const ADVERTISE_BEHIND = 'advertise what is behind';

/** Stages that put in place, in order. A bridge is set up before its VLAN devices, which cannot come up without it. */
const ADD_STAGES = [
  'routing table names',
  'VRF',
  'OVS ports',
  'devices up',
  'dummy',
  'VLAN devices',
  'sysctls',
  'addresses',
  'default routes',
  'MAC table entries',
  'steering flows',
  'local OVN rows',
  TRAFFIC,
  'rules',
  'routes',
  'neighbours',
  // Their first packet finds the gateway's neighbour there.
  'routes through gateways',
  'proxy entries',
  'FRR',
] as const;

/** Stages that take away. FRR is last: it refuses to forget a VRF that the kernel still has. */
const REMOVE_STAGES = [
  'proxy entries',
  'routes through gateways',
  'neighbours',
  'routes',
  'rules',
  TRAFFIC,
  'local OVN rows',
  'steering flows',
  'MAC table entries',
  'default routes',
  'addresses',
  'sysctls',
  'VLAN devices',
  'dummy',
  'devices up',
  'OVS ports',
  'VRF',
  'routing table names',
  'FRR',
] as const;

type StageName = (typeof ADD_STAGES)[number];

const LINK_STAGES: Readonly<Record<LinkObject['link']['type'], StageName>> = {
  vrf: 'VRF',
  dummy: 'dummy',
  vlan: 'VLAN devices',
  existing: 'devices up',
};

const KIND_STAGES: Readonly<Record<Exclude<NodeObjectKind, 'link'>, StageName>> = {
  'rt-table': 'routing table names',
  sysctl: 'sysctls',
  'ovs-port': 'OVS ports',
  address: 'addresses',
  flow: TRAFFIC,
  rule: 'rules',
  route: 'routes',
  neighbor: 'neighbours',
  'proxy-ndp': 'proxy entries',
  frr: 'FRR',
  fdb: 'MAC table entries',
  'local-row': 'local OVN rows',
};

/**
 * Flows of higher priority steer single protocols (ARP, BFD) between a fabric bridge and the node's own OVN: they come
 * before the rows that make it speak those protocols, and go after them.
 */
const STEERING_PRIORITY = 1001;

/** Names of all stages, in the order in which they run. */
export const STAGE_ORDER: readonly string[] = [
  WITHDRAW_BEHIND,
  WITHDRAW,
  CLEAR,
  ...ADD_STAGES,
  ADVERTISE,
  ADVERTISE_BEHIND,
  WITHDRAW_REPLACED,
  ...REMOVE_STAGES.map(removalStage),
];

/** Where a wire object is removed. */
export function removeStageOf(object: NodeObject): string {
  return removalStage(addStageOf(object));
}

/** True for stages that only take wire away. */
export function isUnwiring(stage: string): boolean {
  return stage.startsWith('remove ');
}

function removalStage(name: string): string {
  return `remove ${name}`;
}

/** Where a wire object is added or changed. */
export function addStageOf(object: NodeObject): StageName {
  if (object.kind === 'link') return LINK_STAGES[object.link.type];
  if (object.kind === 'flow' && object.flow.priority >= STEERING_PRIORITY) return 'steering flows';
  if (object.kind === 'route' && prefixLength(object.destination) === 0) return 'default routes';
  return isBehindGateway(object) ? 'routes through gateways' : KIND_STAGES[object.kind];
}

/** Where an advertisement is put in place. */
export function advertiseStageOf(object: NodeObject): string {
  return isBehindGateway(object) ? ADVERTISE_BEHIND : ADVERTISE;
}

/** Where an advertisement is taken away. */
export function withdrawStageOf(object: NodeObject): string {
  return isBehindGateway(object) ? WITHDRAW_BEHIND : WITHDRAW;
}

function isBehindGateway(object: NodeObject): boolean {
  return object.kind === 'route' && object.target.type === 'device' && object.target.via !== undefined;
}
