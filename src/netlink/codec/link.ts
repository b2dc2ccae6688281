/**
 * Links: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK (struct ifinfomsg, IFLA_*).
 *
 * In: message payloads, link requests. Out: `Link`, message payloads. A message that describes only a part of a link
 * (bridge port and wireless notifications use the same message types) reads as `undefined`.
 */
import { NetlinkEncodeError } from '../errors.ts';
import {
  AF_UNSPEC,
  IF_OPER_UNKNOWN,
  IF_OPER_UP,
  IFF_LOWER_UP,
  IFF_UP,
  RTEXT_FILTER_SKIP_STATS,
} from '../kernel-numbers.ts';
import type { Link, LinkData, LinkRequest } from '../types.ts';
import { attribute, attributes, ip, mac, nested, raw, struct, text, u8, u16, u16be, u32 } from './schema.ts';
import { MessageWriter } from './writer.ts';

const ifinfomsg = struct('ifinfomsg', {
  family: 'u8',
  pad: 'u8',
  type: 'u16',
  index: 'i32',
  flags: 'u32',
  change: 'u32',
});

const linkInfo = attributes({
  kind: attribute(1, text),
  /** IFLA_INFO_DATA; its layout depends on the kind. */
  data: attribute(2, raw),
});

const linkAttributes = attributes({
  mac: attribute(1, mac),
  name: attribute(3, text),
  mtu: attribute(4, u32),
  parent: attribute(5, u32),
  master: attribute(10, u32),
  operState: attribute(16, u8),
  info: attribute(18, nested(linkInfo)),
  alias: attribute(20, text),
  filter: attribute(29, u32),
});

const vrfData = attributes({ table: attribute(1, u32) });
const vlanData = attributes({ id: attribute(1, u16), protocol: attribute(5, u16be) });
const bridgeData = attributes({ stp: attribute(5, u32), vlanFiltering: attribute(7, u8) });
const vxlanData = attributes({
  id: attribute(1, u32),
  underlayIndex: attribute(3, u32),
  local: attribute(4, ip),
  learning: attribute(7, u8),
  port: attribute(15, u16be),
  local6: attribute(17, ip),
});
const VETH_INFO_PEER = 1;

export function decodeLink(bytes: Buffer, start: number, end: number): Link | undefined {
  const header = ifinfomsg.read(bytes, start, end);
  // AF_BRIDGE: state of a bridge port. Its RTM_DELLINK means "left the bridge", not "is gone".
  if (header.family !== AF_UNSPEC) return undefined;
  const values = linkAttributes.read(bytes, start + ifinfomsg.size, end);
  if (values.name === undefined || values.mtu === undefined) return undefined;
  const kind = values.info?.kind;
  const data = kind === undefined ? undefined : decodeData(kind, values.info?.data);
  const { operState } = values;
  return {
    index: header.index,
    name: values.name,
    ...(kind === undefined ? undefined : { kind }),
    ...(data === undefined ? undefined : { data }),
    up: (header.flags & IFF_UP) !== 0,
    running:
      operState === IF_OPER_UP || (operState === IF_OPER_UNKNOWN && (header.flags & IFF_LOWER_UP) !== 0),
    mtu: values.mtu,
    ...(values.mac === undefined ? undefined : { mac: values.mac }),
    ...(values.master === undefined ? undefined : { master: values.master }),
    ...(values.parent === undefined ? undefined : { parent: values.parent }),
    ...(values.alias === undefined ? undefined : { alias: values.alias }),
  };
}

/** `undefined` for kinds that are not modelled, and for data without its mandatory part. */
function decodeData(kind: string, data: Uint8Array | undefined): LinkData | undefined {
  const bytes = Buffer.from(data?.buffer ?? new ArrayBuffer(0), data?.byteOffset, data?.byteLength);
  switch (kind) {
    case 'dummy':
      return { kind };
    case 'veth':
      return { kind };
    case 'vrf': {
      const { table } = vrfData.read(bytes, 0, bytes.length);
      return table === undefined ? undefined : { kind, table };
    }
    case 'vlan': {
      const { id, protocol } = vlanData.read(bytes, 0, bytes.length);
      if (id === undefined) return undefined;
      return { kind, id, ...(protocol === undefined ? undefined : { protocol }) };
    }
    case 'bridge': {
      const { stp, vlanFiltering } = bridgeData.read(bytes, 0, bytes.length);
      return {
        kind,
        ...(stp === undefined ? undefined : { stp: stp !== 0 }),
        ...(vlanFiltering === undefined ? undefined : { vlanFiltering: vlanFiltering !== 0 }),
      };
    }
    case 'vxlan': {
      const values = vxlanData.read(bytes, 0, bytes.length);
      if (values.id === undefined) return undefined;
      const local = values.local ?? values.local6;
      return {
        kind,
        id: values.id,
        ...(local === undefined ? undefined : { local }),
        ...(values.port === undefined ? undefined : { port: values.port }),
        ...(values.learning === undefined ? undefined : { learning: values.learning !== 0 }),
        // 0: not bound to a device.
        ...(values.underlayIndex === undefined || values.underlayIndex === 0
          ? undefined
          : { underlayIndex: values.underlayIndex }),
      };
    }
    default:
      return undefined;
  }
}

/** What a request writes; the alias of a new link is set by a request of its own, see `request.ts`. */
export function encodeLink(writer: MessageWriter, link: LinkRequest): void {
  if (link.index === undefined && link.name === undefined) {
    throw new NetlinkEncodeError('link request with neither index nor name');
  }
  ifinfomsg.write(writer, {
    index: link.index,
    flags: link.up === true ? IFF_UP : 0,
    change: link.up === undefined ? 0 : IFF_UP,
  });
  linkAttributes.write(writer, {
    mac: link.mac,
    name: link.name,
    mtu: link.mtu,
    parent: link.parent,
    master: link.master,
    info: link.data === undefined ? undefined : { kind: link.data.kind, data: encodeData(link.data) },
    alias: link.alias,
  });
}

function encodeData(data: LinkData): Uint8Array | undefined {
  const writer = new MessageWriter(64);
  switch (data.kind) {
    case 'dummy':
      return undefined;
    case 'vrf':
      vrfData.write(writer, { table: data.table });
      break;
    case 'vlan':
      vlanData.write(writer, { id: data.id, protocol: data.protocol });
      break;
    case 'bridge':
      bridgeData.write(writer, { stp: flag(data.stp), vlanFiltering: flag(data.vlanFiltering) });
      break;
    case 'vxlan': {
      const local6 = data.local?.includes(':') === true;
      vxlanData.write(writer, {
        id: data.id,
        underlayIndex: data.underlayIndex,
        local: local6 ? undefined : data.local,
        learning: flag(data.learning),
        port: data.port,
        local6: local6 ? data.local : undefined,
      });
      break;
    }
    case 'veth': {
      if (data.peerName === undefined) return undefined;
      // VETH_INFO_PEER: a whole link message, header first.
      const start = writer.beginAttribute(VETH_INFO_PEER);
      ifinfomsg.write(writer, {});
      linkAttributes.write(writer, { name: data.peerName });
      writer.endAttribute(start);
      break;
    }
  }
  return writer.bytes;
}

function flag(value: boolean | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

export function encodeLinkDump(writer: MessageWriter): void {
  ifinfomsg.write(writer, {});
  linkAttributes.write(writer, { filter: RTEXT_FILTER_SKIP_STATS });
}

/**
 * A request to create a link of that kind that no kernel can fulfil: the hardware address is one byte long, and the
 * name holds a slash (dev_valid_name). The kernel looks up the kind before it checks either.
 */
export function encodeImpossibleLink(writer: MessageWriter, kind: string): void {
  ifinfomsg.write(writer, {});
  const address = writer.beginAttribute(1);
  writer.u8(0);
  writer.endAttribute(address);
  linkAttributes.write(writer, { name: '/', info: { kind } });
}
