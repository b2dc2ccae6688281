import { expect, it } from 'vitest';
import { plainAddressTexts } from './port-addresses.ts';

const MAC = '02:00:00:00:00:01';

it.each([
  [
    'all elements',
    [`${MAC} 10.0.0.1`, `${MAC} 10.0.0.2`],
    undefined,
    [],
    [`${MAC} 10.0.0.1`, `${MAC} 10.0.0.2`],
  ],
  [
    'no element without an address beside others',
    ['unknown', `${MAC} 10.0.0.1`],
    undefined,
    [],
    [`${MAC} 10.0.0.1`],
  ],
  ['what OVN chose', ['dynamic'], `${MAC} 10.0.0.3`, [], [`${MAC} 10.0.0.3`]],
  ['what OVN chose for a given MAC', [`${MAC} dynamic`], `${MAC} 10.0.0.3`, [], [`${MAC} 10.0.0.3`]],
  ['nothing as long as OVN has not chosen', ['dynamic'], undefined, [], []],
  [
    'what port security allows',
    ['unknown'],
    undefined,
    [`${MAC} 10.0.0.4 2001:db8::4`],
    [`${MAC} 10.0.0.4 2001:db8::4`],
  ],
  [
    'the address, not the mask, of port security',
    [MAC],
    undefined,
    [`${MAC} 10.0.0.4/24 10.0.0.5/32`],
    [`${MAC} 10.0.0.4 10.0.0.5`],
  ],
  ['no whole subnet of port security', ['unknown'], undefined, [`${MAC} 10.0.0.0/24`], ['unknown']],
  [
    'no junk of port security',
    ['unknown'],
    undefined,
    ['junk 10.0.0.1', MAC, '', `${MAC} junk`],
    ['unknown'],
  ],
  [
    'port security only where there is no address',
    [`${MAC} 10.0.0.1`],
    undefined,
    [`${MAC} 10.0.0.9`],
    [`${MAC} 10.0.0.1`],
  ],
])('takes %s', (_, addresses, dynamic, security, texts) => {
  expect(plainAddressTexts({ addresses, dynamic_addresses: dynamic, port_security: security })).toEqual(
    texts,
  );
});
