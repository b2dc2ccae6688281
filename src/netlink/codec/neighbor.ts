/**
 * Neighbours, proxy entries and bridge forwarding entries: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (struct ndmsg,
 * NDA_*).
 *
 * In: message payloads, neighbour requests. Out: `Neighbor`, message payloads; `undefined` for other families.
 */
import { NetlinkEncodeError } from '../errors.ts';
import { parseAddress, parseAddressOf } from '../ip-text.ts';
import { AF_BRIDGE, NTF_PROXY, NUD_PERMANENT } from '../kernel-numbers.ts';
import type { Family, Neighbor, Request } from '../types.ts';
import { familyNumber, familyOf } from './family.ts';
import { attribute, attributes, ip, mac, made, struct, u8, u16, u32 } from './schema.ts';
import type { MessageWriter } from './writer.ts';

type NeighborRequest = Extract<Request, { readonly type: 'neighbor' }>['neighbor'];

const ndmsg = struct('ndmsg', {
  family: 'u8',
  pad1: 'u8',
  pad2: 'u16',
  index: 'i32',
  state: 'u16',
  flags: 'u8',
  type: 'u8',
});

const neighborAttributes = attributes({
  address: attribute(1, ip),
  mac: attribute(2, mac),
  vlan: attribute(5, u16),
  vni: attribute(7, u32),
  filterIndex: attribute(8, u32),
  master: attribute(9, u32),
  protocol: attribute(12, u8),
});

const requestAttributes = attributes({
  address: attribute(1, made),
  mac: attribute(2, mac),
  vlan: attribute(5, u16),
  protocol: attribute(12, u8),
});

export function decodeNeighbor(bytes: Buffer, start: number, end: number): Neighbor | undefined {
  const header = ndmsg.read(bytes, start, end);
  const family = header.family === AF_BRIDGE ? 'bridge' : familyOf(header.family);
  if (family === undefined) return undefined;
  const values = neighborAttributes.read(bytes, start + ndmsg.size, end);
  return {
    family,
    index: header.index,
    ...(values.address === undefined ? undefined : { address: values.address }),
    ...(values.mac === undefined ? undefined : { mac: values.mac }),
    state: header.state,
    proxy: (header.flags & NTF_PROXY) !== 0,
    flags: header.flags,
    ...(values.protocol === undefined || values.protocol === 0 ? undefined : { protocol: values.protocol }),
    ...(values.vlan === undefined ? undefined : { vlan: values.vlan }),
    ...(values.master === undefined ? undefined : { master: values.master }),
    ...(values.vni === undefined ? undefined : { vni: values.vni }),
  };
}

export function encodeNeighbor(writer: MessageWriter, neighbor: NeighborRequest): void {
  const { family, address } = neighbor;
  if (family !== 'bridge' && address === undefined) {
    throw new NetlinkEncodeError('neighbour request without an address');
  }
  ndmsg.write(writer, {
    family: family === 'bridge' ? AF_BRIDGE : familyNumber(family),
    index: neighbor.index,
    state: neighbor.state ?? (neighbor.proxy === true ? 0 : NUD_PERMANENT),
    flags: (neighbor.flags ?? 0) | (neighbor.proxy === true ? NTF_PROXY : 0),
  });
  requestAttributes.write(writer, {
    address: encodeNeighborAddress(family, address),
    mac: neighbor.mac,
    vlan: neighbor.vlan,
    protocol: neighbor.protocol,
  });
}

function encodeNeighborAddress(family: Family | 'bridge', address?: string): readonly number[] | undefined {
  if (address === undefined) return undefined;
  // The tunnel endpoint of a VXLAN forwarding entry may be of either family.
  return family === 'bridge' ? parseAddress(address) : parseAddressOf(family, address);
}

export function encodeNeighborDump(
  writer: MessageWriter,
  family: Family | 'bridge',
  proxy: boolean,
  index?: number,
): void {
  ndmsg.write(writer, {
    family: family === 'bridge' ? AF_BRIDGE : familyNumber(family),
    flags: proxy ? NTF_PROXY : 0,
  });
  neighborAttributes.write(writer, { filterIndex: index });
}
