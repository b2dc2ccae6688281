/** Mutations of what is decided and wanted: topology, exposures, wiring. */
import type { Mutation } from './mutation.ts';

const UNDERLAY = 'src/wiring/underlay.ts';
const ADVERTISE = 'src/wiring/advertise.ts';
const OVN_ROWS = 'src/wiring/ovn-rows.ts';
const NORTHBOUND_NAT = 'src/ovn/northbound-nat.ts';
const TENANT_SUBNET = 'src/exposures/tenant-subnet.ts';
const LOAD_BALANCER = 'src/exposures/load-balancer.ts';
const FLOATING_IP = 'src/exposures/floating-ip.ts';
const PROXIED = 'src/exposures/proxied.ts';

export const DECISION_MUTATIONS: readonly Mutation[] = [
  {
    id: 'D-01',
    what: 'method underlay wires no rule',
    file: UNDERLAY,
    from: "if (table !== undefined) keys.push(set.wire({ kind: 'rule', to: prefix, table }, because));",
    to: '',
  },
  {
    id: 'D-02',
    what: 'references keep their prefix',
    file: 'src/ovn/external-ids.ts',
    from: 'return text.startsWith(NAME_PREFIX) ? text.slice(NAME_PREFIX.length) : text;',
    to: 'return text;',
  },
  {
    id: 'D-03',
    what: 'there are no BFD rows',
    file: OVN_ROWS,
    from: '.filter(({ bfd }) => bfd)',
    to: '.filter(() => false)',
  },
  {
    id: 'D-04',
    what: 'the address is what the port says',
    file: NORTHBOUND_NAT,
    from: 'externalIpText: row.external_ip,',
    to: `externalIpText:
        views.Logical_Switch_Port.find('name', row.logical_port ?? '')[0]?.external_ids.get('neutron:port_fip') ?? '',`,
  },
  {
    id: 'D-04',
    what: 'changes of the row are not followed',
    file: 'src/ovn/northbound.ts',
    from: 'for (const row of rowsOf(change)) if (natType(row) !== undefined) add(change, natKey(row._uuid));',
    to: "for (const row of rowsOf(change)) if (natType(row) !== undefined && change.kind !== 'modify') add(change, natKey(row._uuid));",
  },
  {
    id: 'D-04',
    what: 'a port has no floating IPs that go with it',
    file: 'src/ovn/northbound.ts',
    from: "if (root.startsWith('nat:')) yield root as CandidateKey;",
    to: "if (root.startsWith('fip:')) yield root as CandidateKey;",
  },
  {
    id: 'D-05',
    what: 'without a gateway port in the row there is none',
    file: 'src/ovn/nat-gateways.ts',
    from: "if (gateways.length === 0) return { gateways, fault: 'no-gateway' };",
    to: "return { gateways, fault: 'no-gateway' };",
  },
  {
    id: 'D-06',
    what: 'what follows a gateway stays when it goes',
    file: 'src/exposures/nat-addresses.ts',
    from: 'if (resident !== undefined) return translatedHere(resident, policy);',
    to: `if (resident !== undefined) {
    return candidateKind(resident.key) === 'gateway' ? { ok: true, note: '' } : translatedHere(resident, policy);
  }`,
  },
  {
    id: 'D-06',
    what: 'a gateway that is elsewhere serves its router here',
    file: 'src/exposures/serving-gateway.ts',
    from: "if (!known && port.residence.kind !== 'unknown') {",
    to: "if (port.residence.kind === 'nowhere') {",
  },
  {
    id: 'D-07',
    what: 'only the first address of an interface counts',
    file: TENANT_SUBNET,
    from: 'for (const text of subnet.addressTexts) {',
    to: 'for (const text of subnet.addressTexts.slice(0, 1)) {',
  },
  {
    id: 'D-07',
    what: 'only the first address of a Southbound interface counts',
    file: 'src/ovn/southbound-routers.ts',
    from: `      addressTexts: addressesOf(row.mac[0]),
      // Bindings`,
    to: `      addressTexts: addressesOf(row.mac[0]).slice(0, 1),
      // Bindings`,
  },
  {
    id: 'D-09',
    what: 'subnets keep their host bits',
    file: TENANT_SUBNET,
    from: '{ attachment: subnet, prefix: item.network, ...way }',
    to: "{ attachment: subnet, prefix: [item.address, item.network.split('/')[1]].join('/') as Prefix, ...way }",
  },
  {
    id: 'D-10',
    what: 'network addresses are not answered for',
    file: PROXIED,
    from: '    ...sources.networks.map(networkAddress),\n',
    to: '',
  },
  {
    id: 'D-10',
    what: 'next hops are not answered for',
    file: PROXIED,
    from: '    ...sources.gateways6,\n',
    to: '',
  },
  {
    id: 'D-10',
    what: 'what is configured is not answered for',
    file: PROXIED,
    from: '    ...policy.proxyNdpAddresses,\n',
    to: '',
  },
  {
    id: 'D-10',
    what: 'nothing is answered for',
    file: UNDERLAY,
    from: "keys.push(set.wire({ kind: 'proxy-ndp', device, address: proxied }, because, [link]));",
    to: '',
  },
  {
    id: 'D-12',
    what: 'hosts outside of the subnets count',
    file: 'src/exposures/covered.ts',
    from: 'return subnets.filter(({ prefix }) => contains(prefix, address));',
    to: 'return subnets;',
  },
  {
    id: 'D-12',
    what: 'a subnet that is kept in is exposed with its hosts',
    file: TENANT_SUBNET,
    from: 'policy.tenant.requireSnatDisabled ? translationOf(address, subnet.sourceNats) : undefined;',
    to: 'undefined;',
  },
  {
    id: 'D-13',
    what: 'a port with a floating IP has no address of its own',
    file: 'src/ovn/northbound-ports.ts',
    from: 'addressTexts: this.#addressTexts(row),\n      cidrs',
    to: "addressTexts: ids.has('neutron:port_fip') ? [] : this.#addressTexts(row),\n      cidrs",
  },
  {
    id: 'D-15',
    what: 'only the first address of a port forwarding counts',
    file: LOAD_BALANCER,
    from: '.slice(0, MAX_ADDRESSES)',
    to: '.slice(0, 1)',
  },
  {
    id: 'D-16',
    what: 'a key ends at its first colon',
    file: 'src/exposures/vip-keys.ts',
    from: '  const bracketed =',
    to: "  if (key.startsWith('[')) return parseIp(key.split(':')[0] ?? '');\n  const bracketed =",
  },
  {
    id: 'D-19',
    what: 'a device takes the place of a missing bridge',
    file: UNDERLAY,
    from: `    set.pend(\`bridge \${bridge}\`, handover.reason);
    return;`,
    to: `    set.pend(\`bridge \${bridge}\`, handover.reason);
    set.wire({ kind: 'link', name: bridge, link: { type: 'dummy', master: input.config.bgpVrf }, up: true }, because);
    return;`,
  },
  {
    id: 'D-20',
    what: 'numbers are dealt anew',
    file: 'src/wiring/routing-tables.ts',
    from: 'if (line === undefined) {\n      unlisted.push(bridge);',
    to: 'if (lines !== undefined) {\n      unlisted.push(bridge);',
  },
  {
    id: 'D-25',
    what: 'kernel routes are always redistributed',
    file: ADVERTISE,
    from: "config.tenant.advertisementMethod === 'subnet' ? ['connected', 'kernel'] : ['connected'];",
    to: "['connected', 'kernel'];",
  },
  {
    id: 'D-26',
    what: 'an exception ends the pass',
    file: 'src/exposures/evaluate.ts',
    from: '  } catch (error) {\n    return { exposures: [], denials: [rowError(key, topology, error)] };',
    to: '  } catch (error) {\n    if (error !== undefined) throw error;\n    return { exposures: [], denials: [rowError(key, topology, error)] };',
  },
  {
    id: 'D-26',
    what: 'a bad value is an exception',
    file: 'src/exposures/verdict.ts',
    from: '  deny({ code, fault, message }: Refusal, address?: string): void {\n',
    to: '  deny({ code, fault, message }: Refusal, address?: string): void {\n    if (fault) throw new Error(message);\n',
  },
  {
    id: 'D-27',
    what: 'floating IPs of VIPs need a MAC address of their own',
    file: LOAD_BALANCER,
    from: "this.#expose('vip-floating-ip', address, gateway, gateway.way, own ?? gateway.mac);",
    to: "if (own !== undefined) this.#expose('vip-floating-ip', address, gateway, gateway.way, own);",
  },
  {
    id: 'D-27',
    what: 'floating IPs without port and MAC address are distributed',
    file: NORTHBOUND_NAT,
    from: "return mac === undefined && port === undefined ? 'centralised' : 'distributed';",
    to: "return 'distributed';",
  },
  {
    id: 'D-27',
    what: 'a floating IP needs a port',
    file: FLOATING_IP,
    from: 'if (logicalPortName === undefined) return { ok: true, found: undefined };',
    to: "if (logicalPortName === undefined) return refused('no-port', '');",
  },
  {
    id: 'D-29',
    what: 'a port is on the first of its hosts only',
    file: 'src/ovn/residence.ts',
    from: "const hosts = requested.split(',');",
    to: "const hosts = requested.split(',').slice(0, 1);",
  },
  {
    id: 'D-29',
    what: 'a floating IP does not keep its MAC address',
    file: FLOATING_IP,
    from: 'const last = moves ? policy.lastMacs.get(fip.key) : undefined;',
    to: 'const last = undefined;',
  },
  {
    id: 'D-30',
    what: 'an IPv6 prefix has its gateway',
    file: ADVERTISE,
    from: 'const gateway = family === 4 ? via : undefined;',
    to: 'const gateway = via;',
  },
];
