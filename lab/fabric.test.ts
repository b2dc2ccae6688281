import { describe, expect, it } from 'vitest';
import { hostPrefix, parseBgpPaths, parseBgpSummary, parseRoutes, peerOf } from './fabric.ts';

describe('routes of iproute2', () => {
  it('reads a host route over two unnumbered next hops', () => {
    // iproute2 6.1, `ip -json -details -4 route show exact 172.24.4.10/32`.
    const text = JSON.stringify([
      {
        type: 'unicast',
        dst: '172.24.4.10',
        protocol: 'bgp',
        scope: 'global',
        metric: 20,
        flags: [],
        nexthops: [
          { via: { family: 'inet6', host: 'fe80::2' }, dev: 'to-leaf2', weight: 1, flags: [] },
          { via: { family: 'inet6', host: 'fe80::1' }, dev: 'to-leaf1', weight: 1, flags: [] },
        ],
      },
    ]);
    expect(parseRoutes(text, 4, 'spine')).toEqual([
      {
        prefix: '172.24.4.10/32',
        protocol: 'bgp',
        type: 'unicast',
        metric: 20,
        nextHops: [
          { device: 'to-leaf1', node: 'leaf1', via: 'fe80::1' },
          { device: 'to-leaf2', node: 'leaf2', via: 'fe80::2' },
        ],
      },
    ]);
  });

  it('reads a blackhole, a gateway of the same family and the default route', () => {
    const blackhole = '[{"type":"blackhole","dst":"172.24.4.10","protocol":"179","metric":17900,"flags":[]}]';
    expect(parseRoutes(blackhole, 4, 'compute1')).toEqual([
      { prefix: '172.24.4.10/32', protocol: '179', type: 'blackhole', metric: 17900, nextHops: [] },
    ]);
    const fallback =
      '[{"dst":"default","gateway":"fe80::9","dev":"nic1","protocol":"bgp","metric":20,"flags":[]}]';
    expect(parseRoutes(fallback, 6, 'compute1')).toMatchObject([
      { prefix: '::/0', nextHops: [{ device: 'nic1', node: 'leaf1', via: 'fe80::9' }] },
    ]);
  });

  it('has nothing to say about an empty answer', () => {
    expect(parseRoutes('', 4, 'leaf1')).toEqual([]);
    expect(parseRoutes('[]\n', 6, 'leaf1')).toEqual([]);
  });
});

describe('answers of FRR', () => {
  it('puts the best path first and names the neighbour', () => {
    const path = (device: string, as: number, best: boolean): unknown => ({
      valid: true,
      multipath: true,
      metric: 0,
      aspath: { segments: [{ type: 'as-sequence', list: [as, 64999] }] },
      bestpath: best ? { overall: true } : undefined,
      peer: { peerId: 'fe80::1', interface: device },
    });
    const text = JSON.stringify({ paths: [path('to-leaf2', 65002, false), path('to-leaf1', 65001, true)] });
    const paths = parseBgpPaths(text, 'spine');
    expect(paths.map(({ from, best }) => [from, best])).toEqual([
      ['leaf1', true],
      ['leaf2', false],
    ]);
    expect(paths[0]?.asPath).toEqual([65001, 64999]);
    expect(parseBgpPaths('{}', 'spine')).toEqual([]);
  });

  it('knows a path of its own from a learned one', () => {
    const text = JSON.stringify({
      paths: [{ valid: true, bestpath: { overall: true }, peer: { peerId: '0.0.0.0' } }],
    });
    expect(parseBgpPaths(text, 'compute1')).toMatchObject([{ from: undefined, best: true, asPath: [] }]);
  });

  it('reads the summary of both families', () => {
    const text = JSON.stringify({
      ipv6Unicast: { peers: { nic1: { state: 'Active' } } },
      ipv4Unicast: {
        peers: { nic2: { state: 'Established', pfxRcd: 8 }, nic1: { state: 'Established', pfxRcd: 7 } },
      },
    });
    expect(parseBgpSummary(text, 'compute1')).toEqual([
      { device: 'nic1', peer: 'leaf1', family: 4, state: 'Established', prefixesReceived: 7 },
      { device: 'nic2', peer: 'leaf2', family: 4, state: 'Established', prefixesReceived: 8 },
      { device: 'nic1', peer: 'leaf1', family: 6, state: 'Active', prefixesReceived: 0 },
    ]);
  });
});

describe('the neighbours of the fabric', () => {
  it('are the other end of every cable', () => {
    expect(peerOf('leaf2', 'to-gw1')).toBe('gw1');
    expect(peerOf('gw1', 'nic2')).toBe('leaf2');
    expect(peerOf('spine', 'to-ext')).toBe('ext');
    expect(peerOf('compute1', 'br-ex')).toBeUndefined();
  });

  it('host prefixes have the length of their family', () => {
    expect([hostPrefix('10.0.0.1'), hostPrefix('2001:db8::1'), hostPrefix('10.0.0.0/8')]).toEqual([
      '10.0.0.1/32',
      '2001:db8::1/128',
      '10.0.0.0/8',
    ]);
  });
});
