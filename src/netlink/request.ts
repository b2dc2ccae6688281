/**
 * Requests as messages, and as words for errors.
 *
 * In: a `Request`. Out: its message in a writer; the second message that some requests need; a description. Throws
 * NetlinkEncodeError for values that no message can carry.
 */
import { encodeAddress } from './codec/address.ts';
import { encodeLink } from './codec/link.ts';
import { encodeNeighbor } from './codec/neighbor.ts';
import { encodeRoute } from './codec/route.ts';
import { encodeRule } from './codec/rule.ts';
import type { MessageWriter } from './codec/writer.ts';
import { NetlinkEncodeError } from './errors.ts';
import {
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from './kernel-numbers.ts';
import type { LinkRequest, Request, RouteRequest } from './types.ts';

const NEW_MESSAGE: Readonly<Partial<Record<Request['type'], number>>> = {
  link: RTM_NEWLINK,
  address: RTM_NEWADDR,
  rule: RTM_NEWRULE,
  route: RTM_NEWROUTE,
  neighbor: RTM_NEWNEIGH,
};

const DELETE_MESSAGE: Readonly<Partial<Record<Request['type'], number>>> = {
  link: RTM_DELLINK,
  address: RTM_DELADDR,
  rule: RTM_DELRULE,
  route: RTM_DELROUTE,
  neighbor: RTM_DELNEIGH,
};

const FLAGS: Readonly<Partial<Record<Request['op'], number>>> = {
  add: NLM_F_CREATE | NLM_F_EXCL,
  replace: NLM_F_CREATE | NLM_F_REPLACE,
  set: 0,
  delete: 0,
};

/** Appends the message of a request; the result is where it starts. Writes nothing when it throws. */
export function encodeRequest(writer: MessageWriter, request: Request, sequence: number): number {
  const start = writer.length;
  try {
    const type = (request.op === 'delete' ? DELETE_MESSAGE : NEW_MESSAGE)[request.type];
    const flags = FLAGS[request.op];
    // JavaScript callers are not held to the types.
    if (type === undefined) throw new NetlinkEncodeError(`no such type of request: ${request.type}`);
    if (flags === undefined) throw new NetlinkEncodeError(`no such operation: ${request.op}`);
    writer.beginMessage(type, NLM_F_REQUEST | flags, sequence);
    encodePayload(writer, request);
    writer.endMessage(start);
    return start;
  } catch (error) {
    writer.truncate(start);
    throw error;
  }
}

function encodePayload(writer: MessageWriter, request: Request): void {
  switch (request.type) {
    case 'link':
      encodeLink(writer, request.op === 'delete' ? identity(request.link) : firstPart(request));
      break;
    case 'address':
      encodeAddress(writer, request.address);
      break;
    case 'rule':
      encodeRule(writer, request.rule);
      break;
    case 'route':
      encodeRoute(writer, request.route, request.op === 'delete');
      break;
    case 'neighbor':
      encodeNeighbor(writer, request.neighbor);
      break;
  }
}

/** What completes a request, and what takes its first part back. */
export interface FollowUp {
  readonly rest: Request;
  readonly undo: Request;
}

/**
 * The request to be made once this one has succeeded: the kernel does not look at the alias when it creates a link.
 * It must wait for the outcome, or the alias would be put on a link of the same name that was there before.
 */
export function followUp(request: Request): FollowUp | undefined {
  if (request.type !== 'link' || request.op !== 'add') return undefined;
  const { name, alias } = request.link;
  if (name === undefined || alias === undefined) return undefined;
  return {
    rest: { type: 'link', op: 'set', link: { name, alias } },
    undo: { type: 'link', op: 'delete', link: { name } },
  };
}

function firstPart(request: Extract<Request, { readonly type: 'link' }>): LinkRequest {
  if (request.op !== 'add') return request.link;
  const { alias: _later, ...link } = request.link;
  return link;
}

function identity(link: LinkRequest): LinkRequest {
  if (link.index !== undefined) return { index: link.index };
  return link.name === undefined ? {} : { name: link.name };
}

/** `add route 10.0.0.0/24 via 192.0.2.1 dev 3 table 5000`: what an error is about. */
export function describeRequest(request: Request | null | undefined): string {
  try {
    if (request !== undefined && request !== null) return `${request.op} ${describeObject(request)}`;
  } catch {
    // A request without its body: what there is of it is said.
  }
  return `request ${JSON.stringify(request) ?? 'undefined'}`;
}

function describeObject(request: Request): string {
  if (request.type === 'link') return `link ${describeLink(request.link)}`;
  if (request.type === 'address')
    return `address ${request.address.address} on interface ${request.address.index}`;
  if (request.type === 'route') return describeRoute(request.route);
  if (request.type === 'rule') {
    const { rule } = request;
    return words(`IPv${rule.family} rule`, [
      ['priority', rule.priority],
      ['from', rule.from],
      ['to', rule.to],
      ['table', rule.table],
      ['protocol', rule.protocol],
    ]);
  }
  const { neighbor } = request;
  const what =
    neighbor.proxy === true ? 'proxy entry' : neighbor.family === 'bridge' ? 'fdb entry' : 'neighbor';
  return words(what, [
    ['', neighbor.address],
    ['mac', neighbor.mac],
    ['vlan', neighbor.vlan],
    ['on interface', neighbor.index],
  ]);
}

function describeLink(link: LinkRequest): string {
  return words(link.name ?? (link.index === undefined ? 'without a name' : `with index ${link.index}`), [
    ['kind', link.data?.kind],
    ['parent', link.parent],
    ['master', link.master],
    ['mtu', link.mtu],
    ['mac', link.mac],
    ['up', link.up],
    ['alias', link.alias],
  ]);
}

function describeRoute(route: RouteRequest): string {
  const gateways = route.nextHops?.map((hop) => hop.via ?? `dev ${hop.index ?? 'unknown'}`).join(', ');
  return words(`${route.type === undefined || route.type === 'unicast' ? '' : `${route.type} `}route`, [
    ['', route.destination],
    ['via', route.via],
    ['nexthops', gateways],
    ['dev', route.index],
    ['table', route.table],
    ['metric', route.metric],
    ['protocol', route.protocol],
  ]);
}

function words(start: string, pairs: readonly (readonly [label: string, value: unknown])[]): string {
  const rest = pairs
    .filter(([, value]) => value !== undefined)
    .map(([label, value]) => (label === '' ? String(value) : `${label} ${String(value)}`));
  return [start, ...rest].join(' ');
}
