/**
 * Addresses of interfaces: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (struct ifaddrmsg, IFA_*).
 *
 * In: message payloads, address requests. Out: `Address`, message payloads; `undefined` for other families.
 */
import { parsePrefixOf } from '../ip-text.ts';
import { AF_UNSPEC } from '../kernel-numbers.ts';
import type { Address, Family, Request } from '../types.ts';
import { familyNumber, familyOf } from './family.ts';
import { attribute, attributes, ip, made, struct, u8, u32 } from './schema.ts';
import type { MessageWriter } from './writer.ts';

type AddressRequest = Extract<Request, { readonly type: 'address' }>['address'];

const ifaddrmsg = struct('ifaddrmsg', {
  family: 'u8',
  prefixLength: 'u8',
  flags: 'u8',
  scope: 'u8',
  index: 'u32',
});

const addressAttributes = attributes({
  /** On point-to-point links the address of the other end. */
  address: attribute(1, ip),
  local: attribute(2, ip),
  /** Replaces the flags of the header, which have room for eight only. */
  flags: attribute(8, u32),
  metric: attribute(9, u32),
  protocol: attribute(11, u8),
});

const requestAttributes = attributes({
  address: attribute(1, made),
  local: attribute(2, made),
  flags: attribute(8, u32),
  metric: attribute(9, u32),
  protocol: attribute(11, u8),
});

export function decodeAddress(bytes: Buffer, start: number, end: number): Address | undefined {
  const header = ifaddrmsg.read(bytes, start, end);
  const family = familyOf(header.family);
  if (family === undefined) return undefined;
  const values = addressAttributes.read(bytes, start + ifaddrmsg.size, end);
  const address = values.local ?? values.address;
  if (address === undefined) return undefined;
  return {
    family,
    index: header.index,
    address: `${address}/${header.prefixLength}`,
    scope: header.scope,
    flags: values.flags ?? header.flags,
    ...(values.protocol === undefined || values.protocol === 0 ? undefined : { protocol: values.protocol }),
    ...(values.metric === undefined || values.metric === 0 ? undefined : { metric: values.metric }),
  };
}

export function encodeAddress(writer: MessageWriter, request: AddressRequest): void {
  const { address, length } = parsePrefixOf(request.family, request.address);
  ifaddrmsg.write(writer, {
    family: familyNumber(request.family),
    prefixLength: length,
    scope: request.scope,
    index: request.index,
  });
  requestAttributes.write(writer, {
    address,
    local: address,
    flags: request.flags,
    metric: request.metric,
    protocol: request.protocol,
  });
}

export function encodeAddressDump(writer: MessageWriter, family?: Family, index?: number): void {
  ifaddrmsg.write(writer, { family: family === undefined ? AF_UNSPEC : familyNumber(family), index });
}
