/**
 * FRR configuration of the fabric's routers and of the OVN nodes, as text. Pure.
 *
 * The OVN nodes get what an operator of the agent configures by hand: sessions, filters, preferred source. What the
 * agent itself must add (its redistribution or its VRF instance) is deliberately not here.
 */
import { type FabricPort, type Router, TENANT_PREFIXES } from './layout.ts';

const FAMILIES = ['ipv4', 'ipv6'] as const;
type Family = (typeof FAMILIES)[number];

/**
 * Failure detection in 1.5 s: five times 300 ms. FRR's default of three times 300 ms breaks sessions on a machine whose
 * two processors are busy starting a lab.
 */
const BFD_PROFILE = [
  ' profile fabric',
  '  detect-multiplier 5',
  '  receive-interval 300',
  '  transmit-interval 300',
  ' exit',
];

/** The complete `frr.conf` of one router. */
export function frrConfig(router: Router): string {
  const lines = router.role === 'chassis' ? chassisConfig(router) : fabricConfig(router);
  return `${[`hostname ${router.name}`, 'log file /var/log/frr/frr.log', 'log timestamp precision 3', ...bfdConfig(router), ...lines].join('\n')}\n`;
}

/**
 * A peer of an unnumbered session is named to bfdd where the peer's bgpd may be one of FRR 10.2.0 to 10.2.2 or 10.3.0 (Debian
 * 13): these refuse BGP as long as BFD is down (FRRouting pull request 18562), and without BGP the node's bgpd, whose
 * device was gone for a moment, has no BFD session: both would wait for ever.
 */
function bfdConfig(router: Router): string[] {
  return [
    'bfd',
    ...BFD_PROFILE,
    ...router.fabricPorts.flatMap(({ device, bfdPeer }) =>
      bfdPeer === undefined ? [] : [` peer ${bfdPeer} interface ${device}`, '  profile fabric', ' exit'],
    ),
    'exit',
  ];
}

function fabricConfig(router: Router): string[] {
  return [
    `router bgp ${router.as}`,
    ...session(router, 'fabric'),
    ...FAMILIES.flatMap((family) => [
      ` address-family ${family} unicast`,
      '  redistribute connected',
      ...groups(router, 'fabric', family).map((group) => `  neighbor ${group} activate`),
      ...router.fabricPorts
        .filter((port) => router.role === 'leaf' && port.peer !== 'spine')
        .map((port) => `  neighbor ${neighbor(port, family)} default-originate`),
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
      ...groups(router, 'uplink', family).flatMap((group) => [
        `  neighbor ${group} activate`,
        // All OVN nodes share one AS: without this a node drops what another one announces.
        `  neighbor ${group} allowas-in origin`,
        `  neighbor ${group} prefix-list exposed-prefixes${family === 'ipv6' ? '6' : ''} out`,
      ]),
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
  const names = new Set(FAMILIES.flatMap((family) => groups(router, group, family)));
  return [
    ` bgp router-id ${router.loopback4}`,
    ' bgp bestpath as-path multipath-relax',
    ' no bgp ebgp-requires-policy',
    ' no bgp default ipv4-unicast',
    ...[...names].flatMap((name) => [
      ` neighbor ${name} peer-group`,
      ` neighbor ${name} remote-as external`,
      ` neighbor ${name} bfd profile fabric`,
      ` neighbor ${name} timers 3 10`,
      ` neighbor ${name} timers connect 1`,
      ` neighbor ${name} advertisement-interval 0`,
    ]),
    ...router.fabricPorts.flatMap((port) =>
      port.link === undefined
        ? [` neighbor ${port.device} interface peer-group ${group}`]
        : FAMILIES.map((family) => ` neighbor ${neighbor(port, family)} peer-group ${group}-${family}`),
    ),
  ];
}

/** Peer groups of one family: sessions between addresses carry the family of the addresses alone. */
function groups(router: Router, group: string, family: Family): string[] {
  const { fabricPorts } = router;
  return [
    ...(fabricPorts.some(({ link }) => link === undefined) ? [group] : []),
    ...(fabricPorts.some(({ link }) => link !== undefined) ? [`${group}-${family}`] : []),
  ];
}

/** What FRR calls the neighbour at the other end. */
function neighbor(port: FabricPort, family: Family): string {
  return port.link?.[family === 'ipv4' ? 4 : 6].peer ?? port.device;
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
