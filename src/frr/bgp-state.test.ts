import { describe, expect, test } from 'vitest';
import {
  hasDefaultInstance,
  heldPrefixes,
  knowsVrf,
  originatedPrefixes,
  parseJson,
  routerIdOfSummary,
  routerIdOfVrfs,
} from './bgp-state.ts';

describe("FRR's JSON", () => {
  test('no text, and several documents', () => {
    expect(parseJson('\n')).toEqual({});
    expect(parseJson('{\n "a": {\n }\n}\n{\n "b": 1\n}\n')).toEqual({ a: {}, b: 1 });
    for (const text of ['% Unknown', '{"a":1', '{\n}\n{\n', '{\n}\n[1]'])
      expect(() => parseJson(text)).toThrow('not JSON');
  });

  test('router ids, also with nothing there', () => {
    expect(routerIdOfSummary('\n{"ipv4Unicast":{"routerId":"10.0.0.1"}}\n')).toBe('10.0.0.1');
    expect(routerIdOfSummary('{}')).toBeUndefined();
    expect(routerIdOfVrfs('{"vrfs":{"default":{"routerId":"10.0.0.1"}}}')).toBe('10.0.0.1');
    expect(routerIdOfVrfs('{"vrfs":{"default":{"routerId":"0.0.0.0"}}}')).toBeUndefined();
    expect(hasDefaultInstance('{"vrfs":{"other":{}},"totalVrfs":1}')).toBe(false);
    expect(hasDefaultInstance('{"vrfs":{"default":{}},"totalVrfs":1}')).toBe(true);
  });

  test('kernel routes of the main table, by metric', () => {
    const entry = { protocol: 'kernel', metric: 17900, table: 254 };
    const table = {
      '10.0.0.2/32': [entry],
      '10.0.0.1/32': [{ protocol: 'bgp', metric: 0 }, entry],
      '10.0.0.3/32': [{ ...entry, metric: 1 }],
      '10.0.0.4/32': [{ ...entry, table: 200 }],
      nonsense: [entry],
    };
    const place = { kind: 'main', isOurs: (metric: number) => metric === 17900 } as const;
    expect(heldPrefixes(JSON.stringify(table), place)).toEqual(['10.0.0.1/32', '10.0.0.2/32']);
    for (const empty of ['{}', '', '\n']) expect(heldPrefixes(empty, place)).toEqual([]);
  });

  test('what the agent puts on a device in a VRF: host addresses and routes', () => {
    const on = (interfaceName: string) => ({ nexthops: [{ interfaceName, ip: '10.0.0.9' }] });
    const table = {
      '10.0.0.1/32': [{ protocol: 'connected', ...on('bgp-nic') }],
      '10.0.0.2/32': [
        { protocol: 'local', ...on('bgp-nic') },
        { protocol: 'connected', ...on('bgp-nic') },
      ],
      // An address/24 of an operator, and what the kernel gives every device.
      '10.2.0.0/24': [{ protocol: 'connected', ...on('bgp-nic') }],
      '10.2.0.1/32': [{ protocol: 'local', ...on('bgp-nic') }],
      'fe80::/64': [{ protocol: 'connected', ...on('bgp-nic') }],
      'fe80::1/128': [{ protocol: 'local', ...on('bgp-nic') }],
      '10.1.0.0/24': [{ protocol: 'kernel', ...on('bgp-nic') }],
      '10.0.0.3/32': [{ protocol: 'connected', ...on('other') }],
      '10.0.0.4/32': [{ protocol: 'bgp', ...on('bgp-nic') }],
      '0.0.0.0/0': [{ protocol: 'kernel', unreachable: true }],
    };
    const place = { kind: 'vrf', vrf: 'bgp-vrf', device: 'bgp-nic' } as const;
    expect(heldPrefixes(JSON.stringify(table), place)).toEqual(['10.0.0.1/32', '10.0.0.2/32', '10.1.0.0/24']);
  });

  test('a VRF that zebra does not know', () => {
    expect(knowsVrf('{"warning":"vrf bgp-vrf not found"}')).toBe(false);
    for (const known of ['{}', '', '{"10.0.0.1/32":[]}']) expect(knowsVrf(known)).toBe(true);
  });

  test('prefixes of this node, not those that were learned', () => {
    const routes = {
      '10.0.0.1/32': [{ valid: true, peerId: 'fe80::1' }],
      '10.0.0.2/32': [
        { valid: true, peerId: 'fe80::1' },
        { valid: true, peerId: '(unspec)' },
      ],
      '10.0.0.3/32': [{ peerId: '(unspec)' }],
    };
    expect(originatedPrefixes(JSON.stringify({ routes }))).toEqual(['10.0.0.2/32']);
  });

  test('something else is an error', () => {
    expect(() => originatedPrefixes('% Command incomplete')).toThrow(
      expect.objectContaining({ code: 'protocol' }),
    );
  });
});
