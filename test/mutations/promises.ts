/**
 * What the agent promises beyond being better than the Python agent, each with the tests that fail without it. Ids are words:
 * they name mutations in `promise-mutations.ts`.
 */
import type { Deviation } from '../integration/conformance/deviations.ts';

const SURVEY = 'src/node/survey.test.ts';
const TABLE_BOOK = 'src/agent/table-book.test.ts';
const NORTHBOUND_NAT = 'src/ovn/northbound-nat.test.ts';
const NORTHBOUND_ROUTERS = 'src/ovn/northbound-routers.test.ts';
const NAT_ADDRESSES = 'src/exposures/nat-addresses.test.ts';
const LOAD_BALANCER = 'src/exposures/load-balancer.test.ts';
const GUARD = 'src/agent/withdraw-guard.test.ts';
const BRIDGES = 'src/agent/former-bridges.test.ts';
const FORMER = 'src/agent/former-configuration.test.ts';
const CONCERNS = 'src/node/concerns.test.ts';
const FAILING_PARTS = 'src/agent/failing-parts.test.ts';
const CONFLICTS = 'src/agent/conflicts.test.ts';
const SOURCES = 'test/integration/agent/sources.test.ts';
const NEEDED = 'src/exposures/needed.test.ts';
const CHANGED_NEEDS = 'src/agent/needs/changed-needs.test.ts';
const KERNEL_NEEDS = 'src/agent/needs/kernel-needs.test.ts';
const NEEDS_READER = 'src/agent/needs/needs-reader.test.ts';

const ZEBRA_CHECK = 'src/agent/zebra-check.test.ts';
const KERNEL_PACE = 'src/node/kernel-pace.test.ts';

export const PROMISES: readonly Pick<Deviation, 'id' | 'what' | 'proofs'>[] = [
  {
    id: 'concerns',
    what: 'a daemon that hangs or fails harms only its own part',
    proofs: [
      {
        file: FAILING_PARTS,
        title: 'rules are repaired and addresses go and come, also in the moment in which it begins to hang',
      },
      {
        file: FAILING_PARTS,
        title: 'rules and addresses are served, and flows that had to change meanwhile are right afterwards',
      },
      {
        file: FAILING_PARTS,
        title: 'what is new there waits and is not advertised, and comes when it answers',
      },
      {
        file: FAILING_PARTS,
        title: 'what is new in it waits and is not advertised, and comes when it answers',
      },
      { file: CONCERNS, title: 'is told of once, after a while, and once when it answers again' },
      { file: CONCERNS, title: 'is asked again with a back-off of its own, and nobody waits for it then' },
      { file: 'src/node/kinds/flow.test.ts', title: 'is not asked again in the same pass: %s' },
    ],
  },
  {
    id: 'own-back-off',
    what: 'a broken object costs its own dependents only',
    proofs: [
      { file: FAILING_PARTS, title: 'does not delay another one that failed once' },
      {
        file: FAILING_PARTS,
        title: 'is not tried again because something else happens, but when its own time comes',
      },
      { file: FAILING_PARTS, title: 'is forgotten when it is not wanted any more' },
    ],
  },
  {
    id: 'damped',
    what: 'repairs are damped',
    proofs: [
      { file: CONFLICTS, title: 'is repaired at once a few times, then at growing intervals' },
      { file: CONFLICTS, title: 'is told of once, with its name, and shown' },
      { file: CONFLICTS, title: 'is forgotten when it was left alone for a while, and only then' },
      {
        file: FAILING_PARTS,
        title: 'is put back at once a few times, then at growing intervals; what OVN wants is done at once',
      },
    ],
  },
  {
    id: 'one-agent',
    what: 'one agent in a network namespace',
    proofs: [
      {
        file: 'src/cli/namespace-lock.test.ts',
        title: 'is had by one, told with its process, and free again afterwards',
      },
    ],
  },
  {
    id: 'covered',
    what: 'an address inside a subnet follows it',
    proofs: [
      {
        file: 'src/agent/exposure-state.property.test.ts',
        title: 'are those of all claims settled at once, also for what is inside subnets that come and go',
      },
    ],
  },
  {
    id: 'zebra',
    what: 'zebra is not overrun, and holds what stands on the node',
    proofs: [
      {
        file: ZEBRA_CHECK,
        title: 'is asked for after a change of any size, where it stands, and that is all',
      },
      { file: ZEBRA_CHECK, title: 'is written once more and taken away where it went unseen' },
      {
        file: ZEBRA_CHECK,
        title: 'is not waited for without end: its own writes are no news, and the last attempt is said once',
      },
      { file: ZEBRA_CHECK, title: 'is not what is on its way while changes go on' },
      { file: KERNEL_PACE, title: 'waits while a listener that reads has no room' },
      {
        file: KERNEL_PACE,
        title: 'does not wait for ever for a listener that does not read, and waits again when it does',
      },
      {
        file: KERNEL_PACE,
        title: 'follows a listener whose queue only grows because more is written than it reads',
      },
      {
        file: 'src/frr/bgp-state.test.ts',
        title: 'what the agent puts on a device in a VRF: host addresses and routes',
      },
    ],
  },
  {
    id: 'sources',
    what: 'every source stands alone',
    proofs: [
      {
        file: SOURCES,
        title: '%s, a start announces what the Northbound database knows, and new ports wait',
      },
      {
        file: SOURCES,
        title: '%s, what stands is kept, and withdrawn is what the Northbound database knows',
      },
      { file: SOURCES, title: 'that has no row yet, what stands is kept until its rows come' },
      { file: SOURCES, title: 'when it %s, that is told once and waited for' },
      {
        file: 'src/exposures/conflicts.test.ts',
        title: 'a claim that knows where it is wins over one that assumes it, of whatever kind',
      },
    ],
  },
  {
    id: 'placement',
    what: 'an address is served where OVN serves it',
    proofs: [
      {
        file: 'test/integration/ovn/placement.test.ts',
        title: 'is decided as OVN decides it, in %d clouds from seed %d on',
      },
      {
        file: NORTHBOUND_NAT,
        title: 'belongs to the one that it names, else to the one in whose network its address is',
      },
      { file: NORTHBOUND_NAT, title: 'is left out where OVN cannot tell' },
      { file: NORTHBOUND_NAT, title: 'of a router that is bound to one chassis is never distributed' },
      { file: NORTHBOUND_NAT, title: 'of type %s is the outside address of a translation on the gateway' },
      {
        file: NORTHBOUND_ROUTERS,
        title: 'is none with a hosting chassis alone, which stays behind when it ceases to be one',
      },
      {
        file: NORTHBOUND_ROUTERS,
        title: 'is switched off by its %s, and whatever depends on it is told',
      },
      { file: LOAD_BALANCER, title: 'loses the addresses with nothing behind them' },
      {
        file: LOAD_BALANCER,
        title: 'is left to the gateway whose network it is in, where that is elsewhere',
      },
      { file: 'src/ovn/vip-members.test.ts', title: '"%s" is a member: %s' },
      {
        file: 'src/agent/reconciler.test.ts',
        title: 'makes nothing of a network with 802.1ad tags, and takes back what it made before',
      },
      { file: NAT_ADDRESSES, title: 'addresses of load balancers with nothing behind them are left out' },
      {
        file: NAT_ADDRESSES,
        title:
          'addresses of a router that is bound to one chassis belong to the port in whose network they are',
      },
      {
        file: 'src/exposures/gateway.test.ts',
        title: 'is exposed although nothing tells the translated addresses of its router, which is said',
      },
    ],
  },
  {
    id: 'foreign',
    what: 'nothing of an operator is touched',
    proofs: [
      {
        file: 'src/agent/foreign-node.property.test.ts',
        title: 'keeps every one of them, whatever the agent does',
      },
      { file: TABLE_BOOK, title: 'is the first that nothing uses' },
      { file: TABLE_BOOK, title: 'stays while the agent runs, whatever others put into the table' },
      { file: TABLE_BOOK, title: 'stays over a restart by what is in the table where the name was lost' },
      { file: TABLE_BOOK, title: 'is not used when it is taken: %d' },
      { file: SURVEY, title: 'has nothing that is adopted, whatever an operator put there' },
      { file: SURVEY, title: 'is recognised in a table without a name' },
      { file: SURVEY, title: 'is not taken for one when the table without a name has %s' },
    ],
  },
  {
    id: 'guard',
    what: 'the guard has no way around it',
    proofs: [
      { file: GUARD, title: 'is held back with all its wire, and withdrawn after the hold' },
      { file: GUARD, title: 'is held back also when it comes while a pass reads the node' },
      { file: GUARD, title: 'is held back: %s' },
      { file: GUARD, title: 'is held back: another chassis and host name' },
      {
        file: GUARD,
        title: 'changes nothing for as long as the local database does not say who this node is',
      },
      { file: GUARD, title: 'is held back at a start, compared with what stands on the node' },
      { file: GUARD, title: 'is held back at a start at which the node can be read only later' },
      { file: GUARD, title: 'is the withdrawal of a single row, also during a hold' },
      {
        file: GUARD,
        title: 'begins anew when as much is lost again, and not for a picture that is the same',
      },
    ],
  },
  {
    id: 'taken back',
    what: 'what was made is taken back with the scope that it was made in',
    proofs: [
      { file: BRIDGES, title: 'is left as it was before the agent came: %s' },
      { file: BRIDGES, title: 'is left so by a start, when the mapping was changed while no agent ran' },
      { file: BRIDGES, title: 'gives back what was made for it before' },
      { file: BRIDGES, title: 'is not announced, its bridge is left alone, and the reason names the option' },
      { file: FORMER, title: '%s is there before the former one goes' },
      { file: FORMER, title: '%s leaves nothing of the former one, also in FRR' },
      { file: 'src/wiring/names.test.ts', title: 'patch port of a localnet' },
    ],
  },
  {
    id: 'needs',
    what: 'a tenant takes nothing that the node needs',
    proofs: [
      { file: NEEDED, title: 'is refused where it contains what the node needs, and says what' },
      { file: NEEDED, title: 'is refused where it lies inside a network of the node, or is one' },
      { file: NEEDED, title: 'is refused where its gateway is an address that the node needs' },
      { file: NEEDED, title: 'keeps its hosts and VIPs in, each by its address' },
      { file: NEEDED, title: 'includes VIPs of no network here' },
      { file: NEEDED, title: 'is refused where the node needs it: %s' },
      { file: NEEDED, title: 'is exposed with a warning where it merely lies in a network of the node' },
      { file: CHANGED_NEEDS, title: 'ends where a fresh one ends, whatever the node needed on the way' },
      {
        file: CHANGED_NEEDS,
        title: 'tunnels of the cloud are needed, as the Southbound database has them, and followed',
      },
      { file: KERNEL_NEEDS, title: 'connect it to nothing through a provider bridge or what stands on one' },
      { file: KERNEL_NEEDS, title: 'are not %s' },
      { file: KERNEL_NEEDS, title: 'lead to next hops, and to networks without any' },
      { file: NEEDS_READER, title: 'in the kernel: an address that comes and goes' },
      {
        file: NEEDS_READER,
        title: 'in the local database: where the OVN database is, and the ends of tunnels',
      },
      {
        file: NEEDS_READER,
        title: 'in FRR: when bgpd is back, and when it is asked; what it last said counts while it is away',
      },
      {
        file: NEEDS_READER,
        title: 'means each of its addresses, also those that it had a moment ago, and the name servers',
      },
      {
        file: 'src/frr/peers.test.ts',
        title: 'names whom bgpd talks to, and not what the agent wrote into its own instance',
      },
      {
        file: 'src/agent/withdraw-guard.test.ts',
        title: 'is what the node needs itself, during a hold of a %s and at its beginning',
      },
      {
        file: 'src/exposures/nat-addresses.test.ts',
        title: "VIPs inside tenant networks are the load balancers' to decide on, whatever the options say",
      },
      { file: 'src/base/address.test.ts', title: 'refuses %s' },
    ],
  },
  {
    id: 'start',
    what: 'a start knows what the life before it knew',
    proofs: [
      {
        file: 'src/agent/reconciler.test.ts',
        title:
          'keeps the floating IP of a port that leaves, with its MAC address, when it starts in the middle',
      },
    ],
  },
];
