import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vipAddress, vipAddresses } from './vip-keys.ts';

describe('D-16: a key of vips', () => {
  it.each([
    ['172.24.4.60:80', '172.24.4.60'],
    ['172.24.4.60', '172.24.4.60'],
    ['[2001:DB8::60]:80', '2001:db8::60'],
    ['[2001:db8::60]', '2001:db8::60'],
    ['2001:db8::60', '2001:db8::60'],
    // Without brackets there is no port: what looks like one is a part of the address.
    ['2001:db8::60:80', '2001:db8::60:80'],
    ['172.24.4.60:65536', undefined],
    ['172.24.4.60:', undefined],
    ['172.24.4.60:http', undefined],
    ['172.24.4.300:80', undefined],
    ['[172.24.4.60]:80', undefined],
    ['[2001:db8::60', undefined],
    ['2001:db8::60]:80', undefined],
    ['[2001:db8::60]80', undefined],
    ['[2001:db8::60%eth0]:80', undefined],
    ['^vip:80', undefined],
    ['', undefined],
  ])('%j is %j', (key, address) => {
    expect(vipAddress(key)).toBe(address);
  });

  it('of any other form is none', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('[', ']', ':', '1', '.', 'f', '%'), maxLength: 20 }),
        (key) => {
          expect(vipAddress(key) ?? '').toMatch(/^[0-9a-f.:]*$/);
        },
      ),
    );
  });
});

it('the addresses of many keys are sorted, each once; what is none is counted', () => {
  const keys = ['172.24.4.60:443', '172.24.4.9:80', '172.24.4.60:80', 'zzz', '[::]:x'];
  expect(vipAddresses(keys)).toEqual({
    addresses: ['172.24.4.9', '172.24.4.60'],
    templates: undefined,
    bad: { count: 2, example: '[::]:x' },
  });
  expect(vipAddresses(['172.24.4.9:80']).bad).toBeUndefined();
});

it('keys with a variable are told from those that are wrong', () => {
  expect(vipAddresses(['^vip:^port', '172.24.4.9:80', '[^vip6]:80', 'zzz'])).toEqual({
    addresses: ['172.24.4.9'],
    templates: { count: 2, example: '[^vip6]:80' },
    bad: { count: 1, example: 'zzz' },
  });
});
