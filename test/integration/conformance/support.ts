/**
 * Which kinds of address are announced, by driver and exposing method, and the test that shows each.
 *
 * The one source of docs/reference/support.md. `lab`: by route and by ping through a fabric of real OVN, Open vSwitch and
 * FRR; `decision`: the decision alone, from the rows.
 */
import type { Proof } from './differences.ts';

export interface Cell {
  readonly says: string;
  readonly shown: 'lab' | 'decision';
  readonly proof: Proof;
}

export interface SupportRow {
  /** Unique. */
  readonly kind: string;
  /** exposing_method = underlay, driver = nb_ovn_bgp_driver. */
  readonly northbound: Cell;
  /** exposing_method = underlay, driver = ovn_bgp_driver. */
  readonly southbound: Cell;
  /** exposing_method = ovn, driver = nb_ovn_bgp_driver. */
  readonly ovn: Cell;
}

const PORTS = e2e('provider-ports', 'announces IPv4 and IPv6, flat and VLAN, through both leafs');
const VIRTUAL = e2e('provider-ports', 'announces a virtual port where its holder is, and moves it');
const EXTERNAL = e2e(
  'other-ports',
  'announces an external port where its HA chassis is active, and follows it',
);
const SUBPORT = e2e('other-ports', 'announces a subport of a trunk where its parent is');
const DISTRIBUTED = e2e(
  'floating-ips',
  'announces a distributed one where its port runs, and follows it to another port',
);
const CENTRAL = e2e('floating-ips', 'announces a centralised one on the gateway');
const GATEWAY = e2e('gateways', 'announces the addresses of a gateway port where it is active');
const TENANT = e2e('tenant-networks', 'announces them on the gateway, and carries pings both ways');
const VIP = e2e('load-balancers', 'announces a VIP on the provider network, %s');
const VIP_FIP = e2e('load-balancers', 'announces the floating IP of a VIP on a tenant network');
const FORWARDING = e2e('load-balancers', 'announces the address of a port forwarding, %s');
const TEMPLATE = e2e('load-balancers', 'keeps a template in, and says so');
const PLAIN_PORT = e2e('plain-ovn', 'announces a port where it is bound');
const PLAIN_NAT = e2e('plain-ovn', 'announces a translated address: on the gateway, or where its port is');
const PLAIN_LB = e2e('plain-ovn', 'announces what a load balancer of a router listens on');
const MIGRATION = e2e('live-migration', 'announces on both nodes, then on the target alone, without a gap');
const NESTED = e2e(
  'nested-routers',
  'announces the floating IP of a VM behind the inner router, and delivers',
);
const INNER = e2e('nested-routers', 'keeps the network of the inner router in, and says why');
const BY_OVN = e2e(
  'hwol',
  'reaches provider, VLAN, floating, gateway, tenant and load balancer addresses, and lets them out',
);
/** What method ovn makes of an exposure does not depend on the kind of port it is for. */
const ANY_ADDRESS: Cell = {
  says: 'yes',
  shown: 'decision',
  proof: { file: 'src/wiring/ovn.test.ts', title: 'adds a route, a binding and flows for each address' },
};
const ANY_VIA_GATEWAY: Cell = {
  says: 'yes',
  shown: 'decision',
  proof: {
    file: 'src/wiring/ovn.test.ts',
    title: 'sends what has no MAC address of its own to the gateway port that answers for it',
  },
};

export const SUPPORT: readonly SupportRow[] = [
  row('VM on a provider network: flat, VLAN, IPv4, IPv6', yes(PORTS), yes(PORTS), yes(BY_OVN)),
  row('Virtual port (VRRP, Octavia amphora)', yes(VIRTUAL), yes(VIRTUAL), ANY_ADDRESS),
  row(
    'External port (SR-IOV, bare metal), where its HA chassis is active',
    says('with `expose_external_ports`', EXTERNAL),
    says('with `expose_external_ports`', EXTERNAL),
    { ...ANY_ADDRESS, says: 'with `expose_external_ports`' },
  ),
  row('Subport of a trunk on a provider network', yes(SUBPORT), yes(SUBPORT), ANY_ADDRESS),
  row('Live migration, make before break', yes(MIGRATION), yes(MIGRATION), ANY_ADDRESS),
  row('Router gateway, several of one router, failover', yes(GATEWAY), yes(GATEWAY), yes(BY_OVN)),
  row('Floating IP, distributed', yes(DISTRIBUTED), yes(DISTRIBUTED), yes(BY_OVN)),
  row('Floating IP, centralised', yes(CENTRAL), yes(CENTRAL), yes(BY_OVN)),
  row(
    'Tenant network, by host or by subnet',
    says('with `expose_tenant_networks`', TENANT),
    says('with `expose_tenant_networks`', TENANT),
    says('with `expose_tenant_networks`', BY_OVN),
  ),
  row('Load balancer, VIP on a provider network', yes(VIP), yes(VIP), yes(BY_OVN)),
  row('Load balancer, floating IP of a VIP', yes(VIP_FIP), yes(VIP_FIP), ANY_VIA_GATEWAY),
  row(
    'Port forwarding',
    yes(FORWARDING),
    {
      says: 'the translated addresses of the gateway alone: the Southbound database of OVN before 23.09 has no load balancers of routers alone',
      shown: 'decision',
      proof: {
        file: 'src/ovn/southbound-nat.test.ts',
        title: 'are those of the switch side of a gateway port, each where its port is',
      },
    },
    ANY_VIA_GATEWAY,
  ),
  row('Template load balancer (`^VARIABLE` in `vips`)', no(TEMPLATE), no(TEMPLATE), no(TEMPLATE)),
  row('Plain OVN, without Neutron: ports', yes(PLAIN_PORT), yes(PLAIN_PORT), ANY_ADDRESS),
  row('Plain OVN: NAT rows', yes(PLAIN_NAT), yes(PLAIN_NAT), ANY_VIA_GATEWAY),
  row('Plain OVN: load balancers of routers', yes(PLAIN_LB), yes(PLAIN_LB), ANY_VIA_GATEWAY),
  row('Router behind a router: floating IPs of the outer one', yes(NESTED), yes(NESTED), ANY_VIA_GATEWAY),
  row('Router behind a router: networks of the inner one', no(INNER), no(INNER), no(INNER)),
];

function row(kind: string, northbound: Cell, southbound: Cell, ovn: Cell): SupportRow {
  return { kind, northbound, southbound, ovn };
}

function yes(proof: Proof): Cell {
  return says('yes', proof);
}

function no(proof: Proof): Cell {
  return says('no, with a denial', proof);
}

function says(text: string, proof: Proof): Cell {
  return { says: text, shown: 'lab', proof };
}

function e2e(name: string, title: string): Proof {
  return { file: `test/e2e/${name}.test.ts`, title };
}
