import { assert, constantFrom, property, subarray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { IpAddress } from '../base/address.ts';
import { FrrError } from './errors.ts';
import { parseRunningConfig } from './running-config.ts';
import { planStanza } from './stanza-plan.ts';
import { readStanzas } from './stanza-reader.ts';
import { kernelRoutesStanza, leakStanza } from './stanzas.ts';
import type { Stanza } from './types.ts';

const SCOPE = { as: 64999, vrf: 'bgp-vrf' };
const LEAK = leakStanza({ ...SCOPE, routerId: '10.0.0.21' as IpAddress, redistribute: ['connected'] });
const KERNEL = kernelRoutesStanza({ as: 64999, metric: 17900 });

/** As FRR 10.3 prints it: an operator's instance with the leak in it. */
const CONFIG = `Building configuration...

Current configuration:
!
frr version 10.3
hostname compute1
ip prefix-list only-host-prefixes seq 5 permit 0.0.0.0/0 ge 32
!
vrf bgp-vrf
exit-vrf
!
router bgp 64999
 bgp router-id 10.0.0.21
 no bgp default ipv4-unicast
 neighbor nic1 interface peer-group uplink
 !
 address-family ipv4 unicast
  redistribute connected
  neighbor uplink activate
  import vrf bgp-vrf
 exit-address-family
 !
 address-family ipv6 unicast
  import vrf bgp-vrf
 exit-address-family
exit
!
router bgp 64999 vrf bgp-vrf
 bgp router-id 10.0.0.21
 !
 address-family ipv4 unicast
  redistribute connected
 exit-address-family
 !
 address-family ipv6 unicast
  redistribute connected
 exit-address-family
exit
!
end
`;

function view(config: string): ReturnType<typeof readStanzas> {
  return readStanzas(parseRunningConfig(config), SCOPE);
}

function plan(config: string, id: Stanza['id'], to: Stanza | undefined): string[] {
  return planStanza(view(config), SCOPE, id, to).map(({ command }) => command);
}

describe('the lines of a stanza', () => {
  test('leak', () => {
    const lines = LEAK.lines.map(({ context, line }) => [...context, line].join(' / '));
    expect(lines).toEqual([
      'router bgp 64999 vrf bgp-vrf / bgp router-id 10.0.0.21',
      'router bgp 64999 vrf bgp-vrf / address-family ipv4 unicast / redistribute connected',
      'router bgp 64999 vrf bgp-vrf / address-family ipv6 unicast / redistribute connected',
      'router bgp 64999 / address-family ipv4 unicast / import vrf bgp-vrf',
      'router bgp 64999 / address-family ipv6 unicast / import vrf bgp-vrf',
    ]);
  });

  test('do not depend on the order in which they are asked for', () => {
    assert(
      property(
        subarray(['connected', 'kernel'] as const),
        constantFrom(true, false),
        (redistribute, reverse) => {
          const of = (sources: readonly ('connected' | 'kernel')[]): Stanza =>
            leakStanza({ ...SCOPE, routerId: '10.0.0.21' as IpAddress, redistribute: sources });
          expect(of(reverse ? redistribute.toReversed() : redistribute)).toEqual(of(redistribute));
        },
      ),
    );
  });

  test.each([
    { as: 0 },
    { as: 4294967296 },
    { as: 1.5 },
    { vrf: 'a b' },
    { vrf: 'x\nno router bgp' },
    { vrf: 'default' },
    { vrf: 'a-name-that-is-too-long' },
    { routerId: '2001:db8::1' },
    { routerId: '10.0.0.21\n' },
    { redistribute: ['static'] },
  ])('refuse %o', (wrong) => {
    const settings = { ...SCOPE, routerId: '10.0.0.21', redistribute: ['connected'], ...wrong };
    expect(() => leakStanza(settings as unknown as Parameters<typeof leakStanza>[0])).toThrow(FrrError);
  });

  test.each([0, -1, 1.5, 2 ** 24, Number.NaN])('no metric %s', (metric) => {
    expect(() => kernelRoutesStanza({ as: 64999, metric })).toThrow(FrrError);
  });
});

describe('reading', () => {
  test('finds the leak as it was made', () => {
    expect(view(CONFIG).stanzas).toEqual([LEAK]);
  });

  test("nothing in an operator's configuration", () => {
    const operators = CONFIG.replaceAll('import vrf bgp-vrf', 'import vrf other').replaceAll(
      'router bgp 64999 vrf bgp-vrf',
      'router bgp 64999 vrf other',
    );
    expect(view(operators)).toEqual({
      stanzas: [],
      defaultAs: 64999,
      vrfAs: undefined,
      vrfForeign: [],
      kernelForeign: [],
    });
  });

  test('an AS in dots, and with its notation', () => {
    const dotted =
      'router bgp 1.10 as-notation dot\nexit\nrouter bgp 1.10 vrf bgp-vrf as-notation dot\nexit\n';
    expect(view(dotted)).toMatchObject({ defaultAs: 65546, vrfAs: 65546 });
  });

  test('an instance that is only a header is a left-over, unless another one imports from it', () => {
    const header = 'router bgp 64999\nexit\nrouter bgp 64999 vrf bgp-vrf\nexit\n';
    expect(view(header).stanzas).toEqual([{ id: 'leak', lines: [] }]);
    const importer =
      'router bgp 64999 vrf x\n address-family ipv4 unicast\n  import vrf bgp-vrf\n exit-address-family\nexit\n';
    expect(view(header + importer).stanzas).toEqual([]);
  });

  test('descriptions that look like commands stay where they are', () => {
    const tree = parseRunningConfig(
      'interface eth0\n description exit now\n ip address 10.0.0.1/24\nexit\nend\n',
    );
    expect(tree).toEqual([
      {
        line: 'interface eth0',
        children: [
          { line: 'description exit now', children: [] },
          { line: 'ip address 10.0.0.1/24', children: [] },
        ],
      },
    ]);
  });
});

describe('the VRF of a former configuration', () => {
  const classes = [{ number: 1, metric: 17901, communities: ['64999:1'], largeCommunities: [] }];
  const now = leakStanza({
    as: 64999,
    vrf: 'bgp-two',
    routerId: '10.0.0.21' as IpAddress,
    redistribute: ['connected'],
    classes,
  });
  const config = CONFIG.replace(
    'end\n',
    `router bgp 64999 vrf bgp-two
 bgp router-id 10.0.0.21
exit
!
route-map ovn-bgp-agent-vrf permit 101
 match metric 17901
exit
!
end
`,
  );

  test('has its own lines, and none of the route-map of the present one', () => {
    const [leak] = readStanzas(parseRunningConfig(config), { ...SCOPE, former: true }).stanzas;
    expect(leak?.lines).toEqual(LEAK.lines);
    expect(leak?.lines.some(({ context }) => context[0]?.startsWith('route-map'))).toBe(false);
    expect(now.lines.some(({ context }) => context[0]?.startsWith('route-map'))).toBe(true);
  });

  test('goes alone', () => {
    const scope = { ...SCOPE, former: true } as const;
    const commands = planStanza(readStanzas(parseRunningConfig(config), scope), scope, 'leak', undefined);
    const texts = commands.map(({ command }) => command);
    expect(texts).toContain('no router bgp 64999 vrf bgp-vrf');
    expect(texts.join()).not.toMatch(/route-map|bgp-two/);
  });
});

describe('planning', () => {
  test('what stands needs nothing', () => {
    expect(plan(CONFIG, 'leak', LEAK)).toEqual([]);
    expect(plan(CONFIG, 'kernel-routes', undefined)).toEqual([]);
  });

  test('a whole stanza, with every context entered and left', () => {
    expect(plan('router bgp 64999\nexit\n', 'kernel-routes', KERNEL)).toEqual([
      'configure terminal',
      'route-map ovn-bgp-agent permit 10',
      'match metric 17900',
      'set metric 0',
      'exit',
      'router bgp 64999',
      'address-family ipv4 unicast',
      'redistribute kernel route-map ovn-bgp-agent',
      'exit',
      'address-family ipv6 unicast',
      'redistribute kernel route-map ovn-bgp-agent',
      'end',
    ]);
  });

  test('removal takes imports first, then the instance', () => {
    expect(plan(CONFIG, 'leak', undefined)).toEqual([
      'configure terminal',
      'router bgp 64999',
      'address-family ipv4 unicast',
      'no import vrf bgp-vrf',
      'exit',
      'address-family ipv6 unicast',
      'no import vrf bgp-vrf',
      'exit',
      'exit',
      'no router bgp 64999 vrf bgp-vrf',
      'end',
    ]);
  });

  test('another router id overwrites the old one without a gap', () => {
    const commands = plan(CONFIG.replaceAll('router-id 10.0.0.21', 'router-id 10.0.0.99'), 'leak', LEAK);
    expect(commands).toContain('bgp router-id 10.0.0.21');
    expect(commands.filter((command) => command.startsWith('no '))).toEqual([]);
  });

  test('a changed match is never missing in between', () => {
    const config = [
      'router bgp 64999',
      'exit',
      'route-map ovn-bgp-agent permit 10',
      ' match metric 5',
      ' match tag 7',
      ' set metric 0',
      'exit',
    ].join('\n');
    const commands = plan(config, 'kernel-routes', KERNEL);
    expect(commands).not.toContain('no match metric 5');
    expect(commands.indexOf('match metric 17900')).toBeLessThan(commands.indexOf('no match tag 7'));
  });

  test.each<[string, string, string, Stanza]>([
    ['no instance', 'no-instance', 'hostname x\n', KERNEL],
    ['another AS', 'as-mismatch', 'router bgp 65000\nexit\n', KERNEL],
    [
      "the operator's redistribution",
      'conflict',
      'router bgp 64999\n address-family ipv6 unicast\n  redistribute kernel metric 5\n exit-address-family\nexit\n',
      KERNEL,
    ],
    [
      "an instance of another AS with the operator's lines",
      'conflict',
      'router bgp 64999\nexit\nrouter bgp 65000 vrf bgp-vrf\n neighbor 192.0.2.1 remote-as 1\nexit\n',
      LEAK,
    ],
  ])('%s is an error', (_, code, config, stanza) => {
    expect(() => plan(config, stanza.id, stanza)).toThrow(expect.objectContaining({ code }));
  });

  test('a conflict does not keep what is ours from being taken out', () => {
    const config =
      'router bgp 65000\n address-family ipv4 unicast\n  import vrf bgp-vrf\n exit-address-family\nexit\n';
    expect(plan(config, 'leak', undefined)).toContain('no import vrf bgp-vrf');
  });
});
