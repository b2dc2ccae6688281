/** IP addresses on the advertising device, the provider bridges and their VLAN devices. */
import { familyOf, hostPrefix, isHostPrefix, parseInterfaceAddress } from '../../base/address.ts';
import type { Address, Request } from '../../netlink/types.ts';
import { type AddressObject, AGENT_PROTOCOL, type ObservedObject } from '../objects.ts';
import { isBridgeAddress, isHandoverDevice, isLinkLocal, PROTOCOL_UNSPEC } from '../ownership.ts';
import type { Kind, View, Write } from './kind.ts';
import { noDevice, writeNetlink } from './netlink-writes.ts';

/** IFA_F_NODAD: the address is the agent's to give, and traffic must not wait a second for the detection to end. */
const NO_DAD = 0x02;

/** The kernel's address as an object; `undefined` when it is none of our business. */
export function observeAddress(view: View, raw: Address): ObservedObject | undefined {
  const device = view.devices.at(raw.index)?.name;
  if (device === undefined) return undefined;
  const marked = raw.protocol === AGENT_PROTOCOL;
  const advertising = device === view.scope.bgpNic;
  if (!marked && !advertising && !isHandoverDevice(view.scope, device)) return undefined;
  const parsed = parseInterfaceAddress(raw.address);
  if (parsed === undefined) return undefined;
  const prefix = hostPrefix(parsed.address);
  // Other lengths are an operator's, and another thing than the host address.
  if (!isHostPrefix(parsed.network)) return undefined;
  const unsaid = raw.protocol === undefined || raw.protocol === PROTOCOL_UNSPEC;
  const adopted = unsaid && (advertising ? !isLinkLocal(prefix) : isBridgeAddress(prefix));
  const metric = raw.metric === undefined ? {} : { metric: raw.metric };
  return { object: { kind: 'address', device, prefix, ...metric }, owned: marked || adopted };
}

export const addressKind: Kind<AddressObject> = {
  kind: 'address',
  concern: 'kernel',
  same: (desired, observed) => desired.metric === observed.metric,
  describe: ({ device, prefix, metric }) =>
    `address ${prefix} dev ${device}${metric === undefined ? '' : ` metric ${metric}`}`,
  read: async (view) => {
    const addresses = await view.edge.netlink.addresses();
    return addresses.flatMap((raw) => observeAddress(view, raw) ?? []);
  },
  write: (view, writes, signal) =>
    writeNetlink(
      view,
      writes,
      {
        requests: ({ op, object }) => {
          const index = view.devices.named(object.device)?.index;
          if (index === undefined) return op === 'remove' ? [] : noDevice(object.device);
          return addressRequests(op, index, object);
        },
        // IPv6 knows an address once a device whatever its length: EEXIST may be somebody's address/64.
        existsIsDone: (request) => request.type === 'address' && request.address.family === 4,
      },
      signal,
    ),
};

function addressRequests(op: Write['op'], index: number, { prefix, metric }: AddressObject): Request[] {
  const family = familyOf(prefix);
  const address = { family, index, address: prefix };
  const gone: Request = { type: 'address', op: 'delete', address };
  if (op === 'remove') return [gone];
  const wanted = {
    ...address,
    protocol: AGENT_PROTOCOL,
    ...(metric === undefined ? {} : { metric }),
    ...(family === 6 ? { flags: NO_DAD } : {}),
  };
  if (op === 'add') return [{ type: 'address', op, address: wanted }];
  // zebra takes note of another metric in IPv4, but not in IPv6.
  if (family === 6) return [gone, { type: 'address', op: 'add', address: wanted }];
  return [{ type: 'address', op: 'replace', address: { ...wanted, metric: metric ?? 0 } }];
}
