import { describe, expect, it } from 'vitest';
import { frrConfig } from './frr-config.ts';
import { routerNamed } from './layout.ts';

/** Lines inside one context of the configuration, without their indentation. */
function section(config: string, title: string): string[] {
  const lines = config.split('\n');
  const start = lines.indexOf(title);
  const inside = lines.slice(start + 1);
  const indent = title.length - title.trimStart().length;
  const end = inside.findIndex((line) => line.length - line.trimStart().length <= indent);
  return inside.slice(0, end).map((line) => line.trim());
}

describe('FRR configuration', () => {
  it('lets only host routes out of an OVN node, in both families', () => {
    const config = frrConfig(routerNamed('compute1'));
    expect(section(config, ' address-family ipv4 unicast')).toEqual([
      'redistribute connected',
      'neighbor uplink activate',
      'neighbor uplink allowas-in origin',
      'neighbor uplink prefix-list exposed-prefixes out',
    ]);
    expect(section(config, ' address-family ipv6 unicast')).toContain(
      'neighbor uplink prefix-list exposed-prefixes6 out',
    );
    expect(config).toContain('ip prefix-list exposed-prefixes permit 0.0.0.0/0 ge 32\n');
    expect(config).toContain('ipv6 prefix-list exposed-prefixes6 permit ::/0 ge 128\n');
  });

  it('takes only the default route from BGP, with the loopback as source', () => {
    const config = frrConfig(routerNamed('gw1'));
    expect(section(config, 'route-map only-default permit 10')).toEqual([
      'match ip address prefix-list only-default',
      'set src 10.0.0.23',
    ]);
    expect(section(config, 'route-map only-default6 permit 10')).toContain('set src 2001:db8::23');
    expect(config).toContain('ip protocol bgp route-map only-default\n');
    expect(config).toContain('ip nht resolve-via-default\n');
  });

  it('leaves the stanzas of the agent to the agent', () => {
    for (const name of ['compute1', 'compute2', 'gw1'] as const) {
      expect(frrConfig(routerNamed(name))).not.toMatch(/redistribute kernel|import vrf|router bgp \d+ vrf/);
    }
  });

  it('gives OVN nodes a default route from the leafs and nothing of the kind from the spine', () => {
    expect(section(frrConfig(routerNamed('leaf2')), ' address-family ipv6 unicast')).toEqual([
      'redistribute connected',
      'neighbor fabric activate',
      'neighbor to-compute1 default-originate',
      'neighbor to-compute2 default-originate',
      'neighbor to-gw1 default-originate',
    ]);
    expect(frrConfig(routerNamed('spine'))).not.toContain('default-originate');
  });

  it('has an unnumbered session with BFD on every fabric port', () => {
    const lines = section(frrConfig(routerNamed('spine')), 'router bgp 65100');
    expect(lines).toContain('neighbor to-leaf1 interface peer-group fabric');
    expect(lines).toContain('neighbor to-leaf2 interface peer-group fabric');
    expect(lines).toContain('neighbor fabric bfd profile fabric');
  });
});
