/**
 * The traps of the method `ovn`: what goes wrong for whoever does it by hand, as met on real nodes, each with the tests that
 * fail where the agent walks into it. A problem that `plan` and the log name is part of such a test.
 */
export interface Trap {
  readonly id: string;
  readonly what: string;
  readonly tests: readonly { readonly file: string; readonly title: string }[];
}

const WIRING = 'src/wiring/ovn.test.ts';
const LOOP = 'src/agent/local-ovn.test.ts';
const CONFIG = 'src/config/unsupported.test.ts';
const BRIDGES = 'test/integration/openvswitch/local-ovn-bridges.test.ts';
const LAB = 'test/e2e/hwol.test.ts';
const LAB_COMPATIBLE = 'test/e2e/hwol-compatible.test.ts';

export const TRAPS: readonly Trap[] = [
  trap(
    'T1',
    'without a static MAC table entry the bridge learns its own address on the patch port, and BGP dies',
    [
      [
        WIRING,
        'T1: the static MAC entry comes before the rows that make the patch ports, and goes after them',
      ],
      [
        LOOP,
        "keeps the bridges' addresses and writes the rows before there are patch ports, and advertises after",
      ],
    ],
  ),
  trap('T2', 'with that entry the answers of the leaf to ARP do not reach OVN', [
    [
      WIRING,
      'T2: what the leaf answers goes to OVN and to the kernel, and the leaf is bound where its MAC is known',
    ],
  ]),
  trap('T3', 'OVN and bfdd of the node cannot both have BFD on one address', [
    [WIRING, 'T3: BFD is steered to OVN only when OVN runs it; all sessions down names the other owner'],
    [
      WIRING,
      'T3: a session that is down while FRR routes through its leaf names the other owner of the address',
    ],
    [LAB_COMPATIBLE, 'runs BFD with both leafs in both families'],
  ]),
  trap('T4', 'BFD of OVN makes the second controller a single point of failure', [
    [WIRING, 'T4: host-routes needs no BFD of OVN, whose controller would become the weakest part'],
  ]),
  trap('T5', 'the bridge stays up when its device loses the carrier', [
    [WIRING, 'T5: an uplink whose NIC has no carrier is none, though its bridge is up'],
    [LOOP, 'T5: takes an uplink out when its NIC loses the carrier, and keeps the last one'],
  ]),
  trap('T6', 'the kernel answers ARP on a device that user space has as well', [
    [WIRING, 'T6: the kernel is kept from answering on a NIC that it can still see'],
  ]),
  trap('T7', 'a restart of vswitchd loses flows and static MAC table entries', [
    [LOOP, 'T7: puts static entries back before flows when vswitchd has lost both'],
    [LAB, 'has its flows and MAC table entries back after a restart of vswitchd'],
  ]),
  trap('T8', 'patch ports come back with other OpenFlow numbers', [
    [WIRING, 'T8: flows follow the number of the patch port'],
    [LOOP, 'T8: follows patch ports that come back with other numbers'],
  ]),
  trap('T9', 'two controllers number the conntrack zones of one data path', [
    [WIRING, 'T9: conntrack zones that the two controllers share are told of'],
  ]),
  trap('T10', 'rows that no other row lists stay when the router goes', [
    [LOOP, 'T10: withdraws an address with all of its rows and flows'],
    [LAB, 'is removed by cleanup, as --dry-run says, and leaves the operator’s OVN untouched'],
  ]),
  trap('T11', 'a controller that starts again might take away the ports of the other', [
    [LAB, 'T11: neither controller touches the patch ports of the other when it is started again'],
  ]),
  trap('T12', 'the ARP proxy answers when a machine announces its own address', [
    [WIRING, 'T12: the router does not answer when a workload announces its own address'],
  ]),
  trap('T13', 'what one chassis learned of a neighbour counts for the whole cloud', [
    [WIRING, 'T13: the inner MAC address is the same on every node'],
  ]),
  trap('T14', 'a policy with a link-local next hop leaves through the wrong port', [
    [WIRING, 'T14: no policy has a link-local next hop'],
  ]),
  trap('T15', 'the router has the link-local address of the bridge, too', [
    [
      LAB,
      'T15: the node keeps the link-local address of a bridge that its router has as well, with duplicate detection on',
    ],
  ]),
  trap('T16', 'a link-local IPv6 gateway that a machine learned with another method', [
    [LAB, 'T16: a machine with a link-local gateway of the method underlay gets out all the same'],
  ]),
  trap('T17', 'flows for IPv6 want a field of their own', [
    [WIRING, 'T17: flows for IPv6 match what Open vSwitch accepts'],
    [BRIDGES, 'T17: takes every flow of the method, and shows it as it was written'],
  ]),
  trap('T18', 'a tenant network inside the provider prefixes is looked for on the wire', [
    [WIRING, 'T18: a tenant network inside the provider prefixes is not announced'],
  ]),
  trap('T19', 'a tenant network whose router translates answers from another address', [
    [
      CONFIG,
      'T19: warns that tenant networks whose router translates their addresses cannot be reached through the OVN of a node',
    ],
  ]),
];

function trap(id: string, what: string, tests: readonly (readonly [file: string, title: string])[]): Trap {
  return { id, what, tests: tests.map(([file, title]) => ({ file, title })) };
}
