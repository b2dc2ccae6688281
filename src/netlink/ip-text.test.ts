import * as fc from 'fast-check';
import { Address4, Address6 } from 'ip-address';
import { describe, expect, it } from 'vitest';
import { formatAddress, formatMac, parseAddress, parseMac, parsePrefixOf } from './ip-text.ts';

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Bytes with many zero groups: the cases that RFC 5952 is about. */
const sparse = fc
  .tuple(bytesOf(16), fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }))
  .map(([bytes, zero]) => bytes.map((byte, at) => (zero[at >> 1] === true ? 0 : byte)));

describe('addresses as text', () => {
  it('reads back every IPv4 address', () => {
    fc.assert(
      fc.property(bytesOf(4), (bytes) => {
        const text = formatAddress(Buffer.from(bytes), 0, 4);
        expect(parseAddress(text)).toEqual([...bytes]);
        expect(text).toBe(Address4.fromByteArray([...bytes]).correctForm());
      }),
    );
  });

  it('reads back every IPv6 address and writes it as RFC 5952 says', () => {
    fc.assert(
      fc.property(fc.oneof(bytesOf(16), sparse), (bytes) => {
        const text = formatAddress(Buffer.from(bytes), 0, 16);
        expect(parseAddress(text)).toEqual([...bytes]);
        const mapped = text.startsWith('::ffff:') && text.includes('.');
        expect(text).toBe(mapped ? text : Address6.fromByteArray([...bytes]).correctForm());
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'],
    ['00000000000000000000ffffc0000201', '::ffff:192.0.2.1'],
  ])('%s is %s', (hex, text) => {
    expect(formatAddress(Buffer.from(hex, 'hex'), 0, 16)).toBe(text);
    expect(Buffer.from([...parseAddress(text)]).toString('hex')).toBe(hex);
  });

  it.each([
    '',
    '10.1',
    '010.0.0.1',
    '256.0.0.1',
    '1.2.3.4.5',
    ' 10.0.0.1',
    '10.0.0.1 ',
    '0x10.0.0.1',
    '::1::',
    ':::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    'fe80::1%eth0',
    '::1.2.3',
    '1.2.3.4::',
    '12345::',
    'localhost',
  ])('refuses %j', (text) => {
    expect(() => parseAddress(text)).toThrow(/not an IP address/);
  });

  it('keeps the host bits of a prefix', () => {
    expect(parsePrefixOf(4, '10.0.0.5/24')).toEqual({ address: [10, 0, 0, 5], length: 24 });
  });

  it.each(['10.0.0.0', '10.0.0.0/', '10.0.0.0/33', '10.0.0.0/08', '10.0.0.0/-1', '10.0.0.0/8/8', '::/0'])(
    'refuses the IPv4 prefix %j',
    (text) => expect(() => parsePrefixOf(4, text)).toThrow(/IPv4 address|IP address/),
  );

  it('reads MAC addresses in the one usual form', () => {
    fc.assert(
      fc.property(bytesOf(6), (bytes) => {
        expect(parseMac(formatMac(Buffer.from(bytes), 0))).toEqual(bytes);
      }),
    );
    expect(() => parseMac('02-00-00-00-00-01')).toThrow(/not a MAC address/);
    expect(() => parseMac('2:0:0:0:0:1')).toThrow(/not a MAC address/);
  });
});
