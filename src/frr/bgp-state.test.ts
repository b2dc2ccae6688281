import { describe, expect, test } from 'vitest';
import {
  hasDefaultInstance,
  kernelPrefixes,
  originatedPrefixes,
  routerIdOfSummary,
  routerIdOfVrfs,
} from './bgp-state.ts';

describe("FRR's JSON", () => {
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
    expect(kernelPrefixes(JSON.stringify(table), (metric) => metric === 17900)).toEqual([
      '10.0.0.1/32',
      '10.0.0.2/32',
    ]);
    expect(kernelPrefixes('{}', () => true)).toEqual([]);
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
