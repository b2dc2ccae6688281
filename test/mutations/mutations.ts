/**
 * One way each, and for some several, to take a required deviation out of the source: back to what the Python agent does.
 *
 * `from` stands exactly once in its file. The tests that prove the deviation are named in
 * `test/integration/conformance/deviations.ts`; at least one of them must fail.
 */

export interface Mutation {
  /** The deviation. */
  readonly id: string;
  /** What goes wrong then. */
  readonly what: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const UNDERLAY = 'src/wiring/underlay.ts';
const ADVERTISE = 'src/wiring/advertise.ts';
const OVN_ROWS = 'src/wiring/ovn-rows.ts';
const DIFF = 'src/node/diff.ts';
const NODE = 'src/node/node.ts';
const RECONCILER = 'src/agent/reconciler.ts';
const NORTHBOUND_NAT = 'src/ovn/northbound-nat.ts';
const TENANT_SUBNET = 'src/exposures/tenant-subnet.ts';
const LOAD_BALANCER = 'src/exposures/load-balancer.ts';
const FLOATING_IP = 'src/exposures/floating-ip.ts';
const STANZA_PLAN = 'src/frr/stanza-plan.ts';
const PROXIED = 'src/exposures/proxied.ts';

const LEFTOVER = '    const { object } = found;\n';
const leftoverStays = (kind: string): string => `${LEFTOVER}    if (object.kind === '${kind}') return;\n`;

export const MUTATIONS: readonly Mutation[] = [
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
    id: 'D-03',
    what: 'rows that somebody deleted are not noticed',
    file: NODE,
    from: 'this.#judge.collectLocalRows();',
    to: '',
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
    from: 'for (const row of rowsOf(change)) if (row.type === FLOATING_IP) add(change, natKey(row._uuid));',
    to: "for (const row of rowsOf(change)) if (row.type === FLOATING_IP && change.kind !== 'modify') add(change, natKey(row._uuid));",
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
    file: NORTHBOUND_NAT,
    from: 'return named === undefined ? (router?.router.gateways ?? []) : [named];',
    to: 'return named === undefined ? [] : [named];',
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
    from: "if (port.residence.kind !== 'here') {",
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
  { id: 'D-08', what: 'stale routes stay', file: DIFF, from: LEFTOVER, to: leftoverStays('route') },
  { id: 'D-08', what: 'stale neighbours stay', file: DIFF, from: LEFTOVER, to: leftoverStays('neighbor') },
  {
    id: 'D-08',
    what: 'stale proxy entries stay',
    file: DIFF,
    from: LEFTOVER,
    to: leftoverStays('proxy-ndp'),
  },
  {
    id: 'D-08',
    what: "prefixes in the VRF's table stay",
    file: 'src/node/kinds/route.ts',
    from: `    raw.protocol === PROTOCOL_BOOT &&
    raw.type === 'unicast' &&`,
    to: `    raw.protocol === 0 &&
    raw.type === 'unicast' &&`,
  },
  {
    id: 'D-09',
    what: 'subnets keep their host bits',
    file: TENANT_SUBNET,
    from: '{ attachment: subnet, prefix: item.network, ...way }',
    to: "{ attachment: subnet, prefix: [item.address, item.network.split('/')[1]].join('/') as Prefix, ...way }",
  },
  {
    id: 'D-09',
    what: 'old rules are not recognised',
    file: 'src/node/kinds/rule.ts',
    from: '  if (!owned) return undefined;',
    to: '  if (!owned || raw.to !== to) return undefined;',
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
  { id: 'D-10', what: 'what nobody needs stays', file: DIFF, from: LEFTOVER, to: leftoverStays('proxy-ndp') },
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
  { id: 'D-17', what: 'stale local rows stay', file: DIFF, from: LEFTOVER, to: leftoverStays('local-row') },
  {
    id: 'D-17',
    what: 'rows are not taken out of what lists them',
    file: 'src/localnb/operations.ts',
    from: '} else if (stored.parent !== undefined && !this.#removed.has(stored.parent)) {',
    to: '} else if (stored.parent === undefined && !this.#removed.has(stored.uuid)) {',
  },
  {
    id: 'D-18',
    what: 'what happens to the local vswitchd is not followed',
    file: 'src/agent/agent.ts',
    from: "if (event.kind === 'database') this.#vswitchChanged();",
    to: '',
  },
  {
    id: 'D-18',
    what: 'facts of the node stay as they were first',
    file: 'src/agent/facts-reader.ts',
    from: 'if (this.#last !== undefined && factsText(this.#last) === factsText(facts)) return this.#last;',
    to: 'if (this.#last !== undefined) return this.#last;',
  },
  {
    id: 'D-18',
    what: 'the kernel is not heard',
    file: NODE,
    from: 'this.#judge.collect(events);',
    to: '',
  },
  {
    id: 'D-18',
    what: 'a device that is another one is no other fact',
    file: RECONCILER,
    from: "if (kinds.has('link') || kinds.has('frr')) this.#factsDirty = true;",
    to: '',
  },
  {
    id: 'D-18',
    what: 'nothing is looked at by itself',
    file: 'src/agent/agent.ts',
    from: 'this.#every(config.reconcileIntervalSec * 1000, () => this.#reconciler.audit());',
    to: '',
  },
  {
    id: 'D-18',
    what: 'what is not announced is not looked at',
    file: 'src/agent/agent.ts',
    from: 'this.#every(config.frrReconcileIntervalSec * 1000, () => this.#reconciler.recheck(UNANNOUNCED));',
    to: '',
  },
  {
    id: 'D-18',
    what: 'lost flows are not noticed',
    file: NODE,
    from: 'else this.#flowsToCheck.add(event.bridge);',
    to: '',
  },
  {
    id: 'D-18',
    what: 'a restart of FRR is not noticed',
    file: NODE,
    from: "this.#drifted(new Set(['frr']));",
    to: '',
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
    id: 'D-19',
    what: 'devices of others are deleted',
    file: DIFF,
    from: '    if (!found.owned || unread',
    to: "    if ((!found.owned && found.object.kind !== 'link') || unread",
  },
  {
    id: 'D-20',
    what: 'a missing file is not made',
    file: 'src/node/node-files.ts',
    from: 'const before = present ?? (await this.#template());',
    to: "const before = present ?? '';",
  },
  {
    id: 'D-20',
    what: 'numbers are dealt anew',
    file: 'src/wiring/routing-tables.ts',
    from: 'if (line === undefined) {',
    to: 'if (lines !== undefined) {',
  },
  {
    id: 'D-21',
    what: 'what happens during a pass is lost',
    file: RECONCILER,
    from: '        this.#passStarted = undefined;\n',
    to: '        this.#passStarted = undefined;\n        this.#pendingWork = false;\n',
  },
  {
    id: 'D-22',
    what: 'withdrawals are not the first to go',
    file: 'src/node/stages.ts',
    from: '  WITHDRAW,\n  CLEAR,\n',
    to: '  CLEAR,\n',
  },
  {
    id: 'D-22',
    what: 'a stop withdraws everything',
    file: 'src/agent/agent.ts',
    from: 'await this.#reconciler.run(signal);',
    to: 'await this.#reconciler.run(signal);\n    await this.#node.apply(this.#node.plan(new Map()));',
  },
  {
    id: 'D-23',
    what: 'what stands is entered again',
    file: STANZA_PLAN,
    from: '  if (sameStanza(from, to)) return [];',
    to: '  if (sameStanza(from, to)) return to === undefined ? [] : session(to.lines);',
  },
  {
    id: 'D-24',
    what: 'everything is compared each time',
    file: NODE,
    from: '      ...(keys === undefined ? {} : { keys }),\n',
    to: '',
  },
  {
    id: 'D-24',
    what: 'everything is read again for each changed row',
    file: RECONCILER,
    from: 'this.#parts.planner.markDirty(affected);',
    to: "this.#parts.planner.markDirty(affected);\n    this.#stale = 'all';",
  },
  {
    id: 'D-25',
    what: 'an instance of another AS stays',
    file: STANZA_PLAN,
    from: "const replaced = to.id === 'leak' &&",
    to: "const replaced = to.id !== 'leak' &&",
  },
  {
    id: 'D-25',
    what: 'kernel routes are always redistributed',
    file: ADVERTISE,
    from: "config.tenant.advertisementMethod === 'subnet' ? ['connected', 'kernel'] : ['connected'];",
    to: "['connected', 'kernel'];",
  },
  {
    id: 'D-25',
    what: 'surplus lines stay',
    file: STANZA_PLAN,
    from: "const surplus = unwanted.filter(({ context }) => !entries.has(context[0] ?? ''));",
    to: 'const surplus = [];',
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
    id: 'D-26',
    what: 'what failed is not tried again',
    file: RECONCILER,
    from: '    this.#addCompare(new Set(failed.map((outcome) => outcome.change.key)));\n    this.#retryLater();',
    to: '',
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
    what: 'there is no grace',
    file: 'src/agent/migration-grace.ts',
    from: 'if (!wasMigrating || this.#graceMs === 0) return;',
    to: 'if (!wasMigrating || this.#graceMs >= 0) return;',
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

/** A test's title as a pattern: what is filled in for each of several cases may be anything. */
export function titlePattern(title: string): string {
  return title
    .split(/%\w|\$[\w.]+/)
    .map(escaped)
    .join('.*');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
