import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assembleConfig, defaultConfig } from './assemble.ts';
import { parseIni } from './ini.ts';
import { OPTION_IDS, optionSpec } from './options.ts';
import { configurationReference } from './reference.ts';
import { type Resolution, resolveOptions } from './resolve.ts';
import { sampleFile } from './sample.ts';
import { settingFinder } from './settings.ts';
import { unknownNameWarnings } from './unknown-names.ts';
import { unsupported } from './unsupported.ts';
import { wrapped } from './wrap.ts';

function resolve(text: string): Resolution & { readonly unknown: readonly string[] } {
  const document = parseIni('sample', Buffer.from(text));
  expect(document.problems).toEqual([]);
  const settingOf = settingFinder({ documents: [document], overrides: new Map(), environment: {} });
  return { ...resolveOptions(settingOf), unknown: unknownNameWarnings(document) };
}

/** The sample with the options whose place in the table is in `chosen` no longer commented out. */
function uncommented(chosen: ReadonlySet<number>): string {
  let index = -1;
  return sampleFile()
    .split('\n')
    .map((line) => {
      if (!/^#\S/.test(line)) return line;
      index += 1;
      return chosen.has(index) ? line.slice(1) : line;
    })
    .join('\n');
}

describe('the sample file', () => {
  it('is the defaults, whichever options are uncommented', () => {
    const indices = fc.uniqueArray(fc.nat({ max: OPTION_IDS.length - 1 }));
    fc.assert(
      fc.property(indices, (chosen) => {
        const { values, problems, warnings, unknown, sources } = resolve(uncommented(new Set(chosen)));
        expect([...problems, ...warnings, ...unknown]).toEqual([]);
        expect(values && assembleConfig(values)).toEqual(defaultConfig());
        expect(sources.filter(({ origin }) => origin.kind === 'file')).toHaveLength(chosen.length);
      }),
    );
  });

  it('has every option once', () => {
    const all = resolve(uncommented(new Set(OPTION_IDS.keys())));
    expect(all.sources.map(({ origin }) => origin.kind)).toEqual(OPTION_IDS.map(() => 'file'));
  });

  it('has no line that is too long to read', () => {
    expect(
      sampleFile()
        .split('\n')
        .filter((line) => line.length > 120),
    ).toEqual([]);
  });
});

describe('the reference', () => {
  it('has a heading for every option', () => {
    const headings = configurationReference().match(/(?<=^### `).*(?=`$)/gm);
    expect([...(headings ?? [])].sort()).toEqual(OPTION_IDS.map((id) => optionSpec(id).name).sort());
  });
});

describe('wrapped', () => {
  it('breaks at blanks and loses nothing', () => {
    expect(wrapped('aa bb cc', 5)).toEqual(['aa bb', 'cc']);
    expect(wrapped('aaaaaaa b', 5)).toEqual(['aaaaaaa', 'b']);
    expect(wrapped('', 5)).toEqual(['']);
  });
});

describe('unsupported', () => {
  const tenant = defaultConfig().tenant;
  it.each([
    [{}, []],
    [{ driver: 'nb_ovn_bgp_driver', advertiseVia: 'main', vlanHandover: 'ovs' }, []],
    [{ driver: 'ovn_evpn_driver' }, ['fatal']],
    [{ driver: 'ovn_stretched_l2_bgp_driver', exposingMethod: 'vrf' }, ['fatal', 'fatal']],
    [{ exposingMethod: 'ovn' }, ['fatal']],
    [{ tenant: { ...tenant, exposeIpv6Gua: true, addressScopes: ['a'] } }, []],
    [{ tenant: { ...tenant, requireSnatDisabled: true } }, ['warning']],
  ] as const)('%j is %j', (changes, severities) => {
    expect(unsupported(defaultConfig(changes)).map(({ severity }) => severity)).toEqual(severities);
  });
});
