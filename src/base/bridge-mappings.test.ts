import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBridgeMappings } from './bridge-mappings.ts';

const mapping = (physicalNetwork: string, bridge: string, index: number) => ({
  physicalNetwork,
  bridge,
  index,
});

describe('parseBridgeMappings', () => {
  it.each([
    ['', [], 0],
    ['  ', [], 0],
    ['physnet1:br-ex', [mapping('physnet1', 'br-ex', 1)], 0],
    [
      ' physnet1:br-ex , physnet2:br-data ',
      [mapping('physnet1', 'br-ex', 1), mapping('physnet2', 'br-data', 2)],
      0,
    ],
    ['physnet3,physnet1:br-ex', [mapping('physnet1', 'br-ex', 2)], 1],
    [
      'physnet1:br-ex,,physnet2:br-data',
      [mapping('physnet1', 'br-ex', 1), mapping('physnet2', 'br-data', 3)],
      1,
    ],
    ['a:b:c,physnet1:br-ex', [mapping('physnet1', 'br-ex', 2)], 1],
    ['physnet1:,:br-ex', [], 2],
    ['physnet1:br-ex,physnet2:br-ex', [mapping('physnet1', 'br-ex', 1), mapping('physnet2', 'br-ex', 2)], 0],
    [
      'physnet1:br-a,physnet2:br-c,physnet1:br-b',
      [mapping('physnet2', 'br-c', 2), mapping('physnet1', 'br-b', 3)],
      1,
    ],
    ['physnet1:br-ex,physnet1:br-ex', [mapping('physnet1', 'br-ex', 2)], 1],
  ])('reads %j', (text, mappings, warnings) => {
    const parsed = parseBridgeMappings(text);
    expect(parsed.mappings).toEqual(mappings);
    expect(parsed.warnings).toHaveLength(warnings);
  });

  it.each([
    '..',
    '.',
    'all',
    'default',
    '-X',
    '--help',
    'a/b',
    '../../etc',
    'br ex',
    'sixteen-letters-',
    'br\u0000',
    'brücke',
    'br\nex',
  ])('refuses %j as the name of a bridge', (bridge) => {
    const { mappings, warnings } = parseBridgeMappings(`physnet1:${bridge},physnet2:br-ex`);
    expect(mappings).toEqual([mapping('physnet2', 'br-ex', 2)]);
    expect(warnings).toHaveLength(1);
  });

  it('says which item it ignores, without repeating it raw', () => {
    const { warnings } = parseBridgeMappings(`physnet1:br-ex,\u001b[2J${'x'.repeat(10_000)}`);
    expect(warnings[0]).toMatch(/^item 2 of ovn-bridge-mappings, "\\u001b\[2Jx/);
    expect(warnings[0]?.length).toBeLessThan(300);
  });

  it('never throws, and every physical network counts once', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ':', ',', ' ', '/', '-', '\n'), maxLength: 40 });
    fc.assert(
      fc.property(text, (mappings) => {
        const parsed = parseBridgeMappings(mappings).mappings;
        expect(new Set(parsed.map((item) => item.physicalNetwork)).size).toBe(parsed.length);
        for (const item of parsed) expect(item.bridge).toMatch(/^[^\s/:-][^\s/:]{0,14}$/);
      }),
    );
  });
});
