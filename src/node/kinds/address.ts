/** IP addresses on the advertising device, the provider bridges and their VLAN devices. */
import {
  familyOf,
  hostPrefix,
  isHostPrefix,
  type Prefix,
  parseInterfaceAddress,
} from '../../base/address.ts';
import type { Address, Link, Request } from '../../netlink/types.ts';
import { type AddressObject, AGENT_PROTOCOL, LINK_ALIAS, type ObservedObject } from '../objects.ts';
import { handoverPlace, isFormerNic, isHandoverDevice, isLinkLocal, PROTOCOL_UNSPEC } from '../ownership.ts';
import type { Kind, View, Write } from './kind.ts';
import { noDevice, writeNetlink } from './netlink-writes.ts';

/** IFA_F_NODAD: the address is the agent's to give, and traffic must not wait a second for the detection to end. */
const NO_DAD = 0x02;

/** The kernel's address as an object; `undefined` when it is none of our business. */
export function observeAddress(view: View, raw: Address): ObservedObject | undefined {
  const { scope } = view;
  const link = view.devices.at(raw.index);
  if (link === undefined) return undefined;
  const device = link.name;
  const marked = raw.protocol === AGENT_PROTOCOL;
  const advertising = device === scope.bgpNic || isFormerNic(scope, device);
  if (!marked && !advertising && !isHandoverDevice(scope, device)) return undefined;
  const parsed = parseInterfaceAddress(raw.address);
  if (parsed === undefined) return undefined;
  const prefix = hostPrefix(parsed.address);
  const metric = raw.metric === undefined ? {} : { metric: raw.metric };
  const object: AddressObject = { kind: 'address', device, prefix, ...metric };
  const foreign = `${raw.address} on ${device} is not the agent's`;
  if (!isHostPrefix(parsed.network)) {
    // In IPv4 another length is another address; in IPv6 it keeps the host address out.
    return raw.family === 4 || isLinkLocal(prefix)
      ? undefined
      : { object, owned: false, foreign, unlike: true };
  }
  if (marked || (isUnsaid(raw) && isAdopted(view, link, prefix))) return { object, owned: true };
  return { object, owned: false, foreign };
}

function isUnsaid({ protocol }: Address): boolean {
  return protocol === undefined || protocol === PROTOCOL_UNSPEC;
}

/** The host addresses of the advertising dummy are the agent's, whoever put them there, where the dummy is. */
function isAdopted({ scope }: View, { name, alias, kind }: Link, prefix: Prefix): boolean {
  if (isFormerNic(scope, name)) return !isLinkLocal(prefix);
  if (name === scope.bgpNic) {
    const dummy = (kind === 'dummy' && alias === LINK_ALIAS) || scope.adopted?.vrf === true;
    return dummy && !isLinkLocal(prefix);
  }
  if (scope.adopted?.devices.has(name) !== true) return false;
  return handoverPlace(name, scope.bridges.includes(name), prefix) !== undefined;
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
