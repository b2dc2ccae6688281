import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { OvsdbConfigurationError } from './errors.ts';
import { formatRemote, parseRemote, parseRemotes, shuffled } from './remote.ts';

describe('remotes', () => {
  test.each([
    ['unix:/run/ovn/ovnnb_db.sock', { kind: 'unix', path: '/run/ovn/ovnnb_db.sock' }],
    ['tcp:127.0.0.1:6641', { kind: 'tcp', host: '127.0.0.1', port: 6641 }],
    ['tcp:[2001:db8::1]:6641', { kind: 'tcp', host: '2001:db8::1', port: 6641 }],
    ['tcp:[fe80::1%eth0]:6641', { kind: 'tcp', host: 'fe80::1%eth0', port: 6641 }],
    ['ssl:ovn-nb.example.org:6641', { kind: 'ssl', host: 'ovn-nb.example.org', port: 6641 }],
    ['tcp:127.0.0.1', { kind: 'tcp', host: '127.0.0.1', port: 6640 }],
    ['ssl:[::1]', { kind: 'ssl', host: '::1', port: 6640 }],
  ])('%s', (text, remote) => {
    expect(parseRemote(text)).toEqual(remote);
  });

  test.each([
    '',
    'unix:',
    `unix:/${'x'.repeat(107)}`,
    'tcp:',
    'tcp::6641',
    'tcp:host:0',
    'tcp:host:65536',
    'tcp:host:66x',
    'tcp:2001:db8::1:6641',
    'tcp:[host]:6641',
    'tcp:a b:1',
    'udp:host:1',
    'ptcp:6641',
    'host:6641',
  ])('%j is refused', (text) => {
    expect(() => parseRemote(text)).toThrow(OvsdbConfigurationError);
  });

  test('a list may hold blanks and repetitions, but not nothing', () => {
    expect(parseRemotes('tcp:a:1, tcp:b:1,tcp:a:1,').map(formatRemote)).toEqual(['tcp:a:1', 'tcp:b:1']);
    expect(() => parseRemotes(' , ')).toThrow(/no OVSDB remote/);
    expect(() => parseRemotes('tcp:a:1,nonsense')).toThrow(/"nonsense"/);
  });

  test('what is printed parses to the same', () => {
    const host = fc.oneof(fc.domain(), fc.ipV4(), fc.ipV6());
    const kind = fc.constantFrom('tcp' as const, 'ssl' as const);
    fc.assert(
      fc.property(kind, host, fc.integer({ min: 1, max: 65_535 }), (kind, host, port) => {
        const remote = { kind, host, port };
        expect(parseRemote(formatRemote(remote))).toEqual(remote);
      }),
    );
  });

  test('shuffling keeps all remotes and depends only on the random source', () => {
    const remotes = parseRemotes('tcp:a:1,tcp:b:1,tcp:c:1,tcp:d:1');
    const source = (): (() => number) => {
      let seed = 7;
      return () => {
        seed = (seed * 48_271) % 2_147_483_647;
        return seed / 2_147_483_647;
      };
    };
    const once = shuffled(remotes, source());
    expect(shuffled(remotes, source())).toEqual(once);
    expect(once.map(formatRemote).sort()).toEqual(remotes.map(formatRemote));
    const firsts = new Set(Array.from({ length: 50 }, () => shuffled(remotes, Math.random)[0]));
    expect(firsts.size).toBeGreaterThan(1);
  });
});
