/**
 * FRR configuration of the fabric's routers and of the OVN nodes, as text. Pure.
 *
 * The OVN nodes get what an operator of the agent configures by hand: sessions, filters, preferred source. What the
 * agent itself must add (its redistribution or its VRF instance) is deliberately not here.
 */
import { type Router, TENANT_PREFIXES } from './layout.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;

/**
 * Failure detection in 1.5 s: five times 300 ms. FRR's default of three times 300 ms breaks sessions on a machine whose
 * two processors are busy starting a lab.
 */
const BFD_PROFILE = [
  'bfd',
  ' profile fabric',
  '  detect-multiplier 5',
  '  receive-interval 300',
  '  transmit-interval 300',
  ' exit',
  'exit',
];

/** The complete `frr.conf` of one router. */
export function frrConfig(router: Router): string {
  const lines = router.role === 'chassis' ? chassisConfig(router) : fabricConfig(router);
  return `${[`hostname ${router.name}`, 'log file /var/log/frr/frr.log', 'log timestamp precision 3', ...BFD_PROFILE, ...lines].join('\n')}\n`;
}

function fabricConfig(router: Router): string[] {
  return [
    `router bgp ${router.as}`,
    ...session(router, 'fabric'),
    ...FAMILIES.flatMap((family) => [
      ` address-family ${family} unicast`,
      '  redistribute connected',
      '  neighbor fabric activate',
      ...router.fabricPorts
        .filter((port) => router.role === 'leaf' && port.peer !== 'spine')
        .map((port) => `  neighbor ${port.device} default-originate`),
      ' exit-address-family',
    ]),
    'exit',
  ];
}

function chassisConfig(router: Router): string[] {
  return [
    'ip nht resolve-via-default',
    'ipv6 nht resolve-via-default',
    `router bgp ${router.as}`,
    ' bgp log-neighbor-changes',
    ...session(router, 'uplink'),
    ...FAMILIES.flatMap((family) => [
      ` address-family ${family} unicast`,
      '  redistribute connected',
      '  neighbor uplink activate',
      // All OVN nodes share one AS: without this a node drops what another one announces.
      '  neighbor uplink allowas-in origin',
      `  neighbor uplink prefix-list exposed-prefixes${family === 'ipv6' ? '6' : ''} out`,
      ' exit-address-family',
    ]),
    'exit',
    'ip prefix-list only-default permit 0.0.0.0/0',
    'ip prefix-list exposed-prefixes permit 0.0.0.0/0 ge 32',
    `ip prefix-list exposed-prefixes permit ${TENANT_PREFIXES.ipv4}`,
    'ipv6 prefix-list only-default6 permit ::/0',
    'ipv6 prefix-list exposed-prefixes6 permit ::/0 ge 128',
    `ipv6 prefix-list exposed-prefixes6 permit ${TENANT_PREFIXES.ipv6}`,
    ...defaultRouteSource('', 'ip', router.loopback4),
    ...defaultRouteSource('6', 'ipv6', router.loopback6),
  ];
}

function session(router: Router, group: string): string[] {
  return [
    ` bgp router-id ${router.loopback4}`,
    ' bgp bestpath as-path multipath-relax',
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ` neighbor ${group} peer-group`,
    ` neighbor ${group} remote-as external`,
    ` neighbor ${group} bfd profile fabric`,
    ` neighbor ${group} timers 3 10`,
    ` neighbor ${group} timers connect 1`,
    ` neighbor ${group} advertisement-interval 0`,
    ...router.fabricPorts.map((port) => ` neighbor ${port.device} interface peer-group ${group}`),
  ];
}

/** Only the default route goes from BGP into the kernel, with the loopback as source of the node's own traffic. */
function defaultRouteSource(suffix: string, family: 'ip' | 'ipv6', source: string): string[] {
  const name = `only-default${suffix}`;
  return [
    `route-map ${name} permit 10`,
    ` match ${family} address prefix-list ${name}`,
    ` set src ${source}`,
    'exit',
    `${family} protocol bgp route-map ${name}`,
  ];
}
