import { describe, expect, it } from 'vitest';
import { handoverAddresses, handoverDevice, patchPort } from './names.ts';

describe('names and numbers', () => {
  it.each([
    ['br-ex', undefined, 'br-ex'],
    ['br-ex', 100, 'br-ex.100'],
    ['br-data-plane', 1001, 'br-data-pl.1001'],
    ['br-data-plane', undefined, 'br-data-plane'],
  ])('device of %s, VLAN %s', (bridge, vlan, device) => {
    expect(handoverDevice(bridge, vlan)).toBe(device);
    expect(device.length).toBeLessThanOrEqual(15);
  });

  it.each([
    [1, undefined, '169.254.1.1', 'fd53:d91e:400:7f17::1:1'],
    [1, 100, '169.254.1.100', 'fd53:d91e:400:7f17::1:64'],
    [2, undefined, '169.254.2.2', 'fd53:d91e:400:7f17::2:2'],
    [2, 1001, '169.254.2.233', 'fd53:d91e:400:7f17::2:e9'],
    [1, 256, '169.254.1.0', 'fd53:d91e:400:7f17::1:0'],
    [300, undefined, '169.254.44.44', 'fd53:d91e:400:7f17::12c:12c'],
  ])('addresses of bridge %s, VLAN %s', (index, vlan, v4, v6) => {
    expect(handoverAddresses(index, vlan)).toEqual([v4, v6]);
  });

  it('patch port of a localnet', () => {
    expect(patchPort('provnet-1', 'br-int')).toBe('patch-provnet-1-to-br-int');
    expect(patchPort('provnet-1', 'br-ovn')).toBe('patch-provnet-1-to-br-ovn');
  });
});
