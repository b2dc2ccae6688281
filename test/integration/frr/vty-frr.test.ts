/** `VtyFrr` against a real zebra and bgpd. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type IpAddress, type Prefix, parsePrefix } from '../../../src/base/address.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { FrrError } from '../../../src/frr/errors.ts';
import { kernelRoutesStanza, leakStanza } from '../../../src/frr/stanzas.ts';
import type { Stanza } from '../../../src/frr/types.ts';
import { VtyFrr } from '../../../src/frr/vty-frr.ts';
import { VtySocket } from '../../../src/frr/vty-socket.ts';
import { eventually } from '../../support/child.ts';
import { FrrNode } from './frr-node.ts';

const SCOPE = { as: 64999, vrf: 'bgp-vrf' };
const ROUTER_ID = '10.0.0.21' as IpAddress;

/** What an operator configures: sessions, filters, and lines that look a little like the agent's. */
const OPERATOR = `hostname node1
ip prefix-list only-host-prefixes seq 5 permit 0.0.0.0/0 ge 32
route-map operators permit 10
 match metric 5
exit
router bgp 64999
 bgp router-id 10.0.0.21
 no bgp ebgp-requires-policy
 no bgp default ipv4-unicast
 neighbor uplink peer-group
 neighbor uplink remote-as external
 neighbor nic1 interface peer-group uplink
 address-family ipv4 unicast
  redistribute connected
  neighbor uplink activate
  neighbor uplink allowas-in origin
  neighbor uplink prefix-list only-host-prefixes out
  import vrf other
 exit-address-family
exit
router bgp 64999 vrf other
 bgp router-id 10.0.0.21
 address-family ipv4 unicast
  redistribute static
 exit-address-family
exit
`;

const LEAK = leakStanza({ ...SCOPE, routerId: ROUTER_ID, redistribute: ['connected'] });
const KERNEL = kernelRoutesStanza({ as: SCOPE.as, metric: 17900 });

let node: FrrNode;
let frr: VtyFrr;

beforeEach(async () => {
  node = await FrrNode.start(OPERATOR);
  frr = new VtyFrr({ runDir: node.runDir, logger: silentLogger });
});

afterEach(async () => {
  frr.close();
  await node.stop();
});

async function configText(): Promise<string> {
  const socket = await VtySocket.connect(`${node.runDir}/bgpd.vty`);
  const { text } = await socket.execute('show running-config');
  socket.close();
  return text.replace(/^(?:!|\s)*\n/gm, '');
}

async function held(id: Stanza['id']): Promise<Stanza | undefined> {
  return (await frr.stanzas(SCOPE)).find((stanza) => stanza.id === id);
}

async function errorOf(work: Promise<unknown>): Promise<FrrError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(FrrError);
  return error as FrrError;
}

describe('stanzas', () => {
  test.each([LEAK, KERNEL])('$id is entered, reads back equal, and goes without a trace', async (stanza) => {
    const before = await configText();
    await frr.apply(SCOPE, undefined, stanza);
    expect(await held(stanza.id)).toEqual(stanza);
    expect(await configText()).not.toBe(before);

    await frr.apply(SCOPE, stanza, undefined);
    expect(await frr.stanzas(SCOPE)).toEqual([]);
    expect(await configText()).toBe(before);
  });

  test('both stand side by side, and vtysh shows every line once', async () => {
    await frr.apply(SCOPE, undefined, LEAK);
    await frr.apply(SCOPE, undefined, KERNEL);
    expect(await frr.stanzas(SCOPE)).toEqual([LEAK, KERNEL]);
    const shown = await node.vtysh('show running-config');
    expect(shown.match(/^route-map ovn-bgp-agent permit 10$/gm)).toHaveLength(1);
    expect(shown.match(/^ {2}redistribute kernel route-map ovn-bgp-agent$/gm)).toHaveLength(2);
    expect(shown.match(/^ {2}import vrf bgp-vrf$/gm)).toHaveLength(2);
    expect(shown.match(/^router bgp 64999 vrf bgp-vrf$/gm)).toHaveLength(1);
  });

  test('classes of routes get their attributes, and go as a whole', async () => {
    const classes = [
      {
        number: 4,
        metric: 17904,
        communities: ['64999:1', '64999:2', 'no-export'],
        largeCommunities: ['1:2:3'],
        med: 10,
      },
      { number: 64, metric: 17964, communities: [], largeCommunities: [] },
    ];
    const kernel = kernelRoutesStanza({ as: 64999, metric: 17900, classes });
    await frr.apply(SCOPE, undefined, kernel);
    expect(await held('kernel-routes')).toEqual(kernel);
    const fewer = kernelRoutesStanza({ as: 64999, metric: 17900, classes: classes.slice(1) });
    await frr.apply(SCOPE, kernel, fewer);
    expect(await held('kernel-routes')).toEqual(fewer);
    await frr.apply(SCOPE, fewer, KERNEL);
    expect(await held('kernel-routes')).toEqual(KERNEL);
    await frr.apply(SCOPE, KERNEL, undefined);

    const plainText = await configText();
    await frr.apply(SCOPE, undefined, LEAK);
    const leakText = await configText();
    const leak = leakStanza({ ...SCOPE, routerId: ROUTER_ID, redistribute: ['connected'], classes });
    await frr.apply(SCOPE, LEAK, leak);
    expect(await held('leak')).toEqual(leak);
    await frr.apply(SCOPE, leak, LEAK);
    expect(await configText()).toBe(leakText);
    await frr.apply(SCOPE, LEAK, leak);
    await frr.apply(SCOPE, leak, undefined);
    expect(await configText()).toBe(plainText);
  });

  test('a stanza that stands already opens no configuration session', async () => {
    await frr.apply(SCOPE, undefined, LEAK);
    const collected: unknown[] = [];
    const logger = { ...silentLogger, info: (fields: object) => collected.push(fields) };
    const second = new VtyFrr({ runDir: node.runDir, logger });
    await second.apply(SCOPE, LEAK, LEAK);
    await second.apply(SCOPE, undefined, undefined);
    await second.apply(SCOPE, KERNEL, undefined);
    second.close();
    expect(collected.filter((fields) => JSON.stringify(fields).includes('configure terminal'))).toEqual([]);
  });

  test('surplus lines of ours go, others in the same contexts stay', async () => {
    await frr.apply(SCOPE, undefined, LEAK);
    const clean = await configText();
    await node.vtysh(
      'configure terminal',
      'router bgp 64999 vrf bgp-vrf',
      'bgp router-id 1.2.3.4',
      'address-family ipv4 unicast',
      'no redistribute connected',
      'redistribute kernel metric 7',
      'redistribute connected metric 5',
      'exit-address-family',
      'address-family ipv6 unicast',
      'redistribute kernel',
    );
    expect(await configText()).not.toBe(clean);
    await frr.apply(SCOPE, undefined, LEAK);
    expect(await configText()).toBe(clean);

    const both = leakStanza({ ...SCOPE, routerId: ROUTER_ID, redistribute: ['kernel', 'connected'] });
    await frr.apply(SCOPE, LEAK, both);
    expect(await held('leak')).toEqual(both);
    await frr.apply(SCOPE, both, LEAK);
    expect(await configText()).toBe(clean);
  });

  test('a tampered route-map is put right', async () => {
    await frr.apply(SCOPE, undefined, KERNEL);
    const clean = await configText();
    await node.vtysh(
      'configure terminal',
      'route-map ovn-bgp-agent deny 5',
      'match metric 1',
      'exit',
      'route-map ovn-bgp-agent permit 10',
      'match metric 1',
      'set metric 99',
      'set local-preference 5',
      'on-match next',
    );
    await frr.apply(SCOPE, undefined, KERNEL);
    expect(await configText()).toBe(clean);
  });

  test('an instance with lines of the operator is emptied of ours, not deleted', async () => {
    await node.vtysh(
      'configure terminal',
      'router bgp 64999 vrf bgp-vrf',
      'neighbor 192.0.2.1 remote-as 65000',
    );
    const before = await configText();
    await frr.apply(SCOPE, undefined, LEAK);
    expect(await held('leak')).toEqual(LEAK);
    await frr.apply(SCOPE, LEAK, undefined);
    expect(await configText()).toBe(before);
  });

  test('an instance left by another AS is replaced', async () => {
    await node.stopDaemon('bgpd');
    await node.configure(
      `${OPERATOR}router bgp 65111 vrf bgp-vrf\n bgp router-id 10.0.0.21\n address-family ipv4 unicast\n  redistribute kernel\n`,
    );
    await node.startDaemon('bgpd');
    await frr.apply(SCOPE, undefined, LEAK);
    expect(await held('leak')).toEqual(LEAK);
  });
});

describe('what cannot be', () => {
  test("the operator's own redistribution of kernel routes is a conflict, and stays", async () => {
    await node.vtysh(
      'configure terminal',
      'router bgp 64999',
      'address-family ipv4 unicast',
      'redistribute kernel route-map operators',
    );
    const before = await configText();
    const error = await errorOf(frr.apply(SCOPE, undefined, KERNEL));
    expect(error.code).toBe('conflict');
    expect(error.message).toContain('redistribute kernel route-map operators');
    expect(await configText()).toBe(before);
  });

  test('another AS', async () => {
    const error = await errorOf(
      frr.apply({ ...SCOPE, as: 65000 }, undefined, kernelRoutesStanza({ as: 65000, metric: 17900 })),
    );
    expect(error.code).toBe('as-mismatch');
    expect(error.message).toContain('64999');
  });

  test('a line that FRR refuses is named, and nothing after it is entered', async () => {
    const bad: Stanza = {
      id: 'leak',
      lines: [{ context: ['router bgp 64999 vrf bgp-vrf'], line: 'bgp router-id nonsense' }, ...LEAK.lines],
    };
    const error = await errorOf(frr.apply(SCOPE, undefined, bad));
    expect(error.code).toBe('rejected');
    expect(error.details.line).toBe('router bgp 64999 vrf bgp-vrf / bgp router-id nonsense');
    expect(await configText()).not.toContain('import vrf bgp-vrf');
    await frr.apply(SCOPE, undefined, LEAK);
    expect(await held('leak')).toEqual(LEAK);
  });

  test('a line that FRR takes and then shows otherwise', async () => {
    const odd: Stanza = {
      id: 'leak',
      lines: [
        {
          context: ['router bgp 64999 vrf bgp-vrf', 'address-family ipv4 unicast'],
          line: 'redistribute connected metric 007',
        },
      ],
    };
    const error = await errorOf(frr.apply(SCOPE, undefined, odd));
    expect(error.code).toBe('not-applied');
    expect(error.message).toContain('redistribute connected metric 007');
  });

  test('a bgpd that does not answer in time', async () => {
    const hasty = new VtyFrr({ runDir: node.runDir, logger: silentLogger, timeoutMs: 100 });
    expect(await hasty.stanzas(SCOPE)).toEqual([]);
    node.signalDaemon('bgpd', 'SIGSTOP');
    const asked = await errorOf(hasty.stanzas(SCOPE));
    node.signalDaemon('bgpd', 'SIGCONT');
    expect(asked.code).toBe('unreachable');
    // The late reply is thrown away: the next question gets its own.
    await eventually(async () => (await hasty.routerId()) === ROUTER_ID);
    expect(await hasty.stanzas(SCOPE)).toEqual([]);
    hasty.close();
  });
});

describe('life of bgpd', () => {
  test('its death is noticed at once; restarted, it is up without our stanza, which can be entered again', async () => {
    const events: { event: string; at: number }[] = [];
    frr.subscribe((event) => events.push({ event, at: performance.now() }));
    await eventually(() => events.length === 1);
    await frr.apply(SCOPE, undefined, LEAK);

    const killed = performance.now();
    await node.stopDaemon('bgpd');
    await eventually(() => events.length === 2);
    expect(events.map(({ event }) => event)).toEqual(['up', 'down']);
    expect((events[1]?.at ?? Infinity) - killed).toBeLessThan(100);
    expect((await errorOf(frr.stanzas(SCOPE))).code).toBe('unreachable');

    await node.startDaemon('bgpd');
    await eventually(() => events.length === 3);
    expect(events[2]?.event).toBe('up');
    expect(await frr.stanzas(SCOPE)).toEqual([]);
    await frr.apply(SCOPE, undefined, LEAK);
    expect(await held('leak')).toEqual(LEAK);
  });

  test.each<[string, () => Promise<void>]>([
    [
      'the router id',
      async () => {
        expect(await frr.routerId()).toBeUndefined();
      },
    ],
    [
      'a stanza',
      async () => {
        expect((await errorOf(frr.apply(SCOPE, undefined, LEAK))).code).toBe('no-instance');
      },
    ],
  ])('a default instance that %s lacked brings another up when it is configured', async (_, lacking) => {
    await node.stopDaemon('bgpd');
    await node.configure('hostname node1\n');
    await node.startDaemon('bgpd');
    const events: string[] = [];
    frr.subscribe((event) => events.push(event));
    await eventually(() => events.length === 1);
    await lacking();
    await node.vtysh('configure terminal', 'router bgp 64999', 'bgp router-id 10.0.0.99');
    await eventually(() => events.length === 2);
    expect(events).toEqual(['up', 'up']);
    expect(await frr.routerId()).toBe('10.0.0.99');
    await frr.apply(SCOPE, undefined, LEAK);
    expect(await held('leak')).toEqual(LEAK);
  });
});

function parsed(...texts: readonly string[]): readonly Prefix[] {
  return texts.flatMap((text) => parsePrefix(text) ?? []);
}

function mainTable(metric: number) {
  return { kind: 'main', isOurs: (other: number) => other === metric } as const;
}

describe('routes', () => {
  test('the router id is known with and without neighbours', async () => {
    expect(await frr.routerId()).toBe(ROUTER_ID);
    await node.vtysh('configure terminal', 'router bgp 64999', 'no neighbor nic1 interface');
    expect(await frr.routerId()).toBe(ROUTER_ID);
  });

  test("blackhole routes with the agent's metric are announced without MED, others are not", async () => {
    await frr.apply(SCOPE, undefined, KERNEL);
    await node.ip('route', 'add', 'blackhole', '172.24.4.10', 'proto', '179', 'metric', '17900');
    await node.ip('route', 'add', 'blackhole', '172.24.4.11', 'proto', '179', 'metric', '17901');
    await node.ip('-6', 'route', 'add', 'blackhole', '2001:db8::10', 'proto', '179', 'metric', '17900');
    await node.ip('-6', 'route', 'add', 'blackhole', '2001:db8::11', 'proto', '179', 'metric', '17901');
    const ours = ['172.24.4.10/32', '2001:db8::10/128'];
    await eventually(async () => (await frr.zebraRoutes(mainTable(17901)))?.length === 2);
    await eventually(async () => (await frr.announced()).length >= 2);
    expect(await frr.zebraRoutes(mainTable(17900))).toEqual(ours);
    expect(await frr.announced()).toEqual(ours);
    const asked = parsed('172.24.4.10/32', '172.24.4.11/32', '172.24.4.12/32', '2001:db8::10/128');
    expect(await frr.zebraHolds(mainTable(17900), asked)).toEqual(ours);
    expect((await frr.zebraRoutes({ kind: 'vrf', vrf: 'no-such-vrf', device: 'x' })) ?? []).toEqual([]);
    const shown = JSON.parse(await node.vtysh('show bgp ipv4 unicast 172.24.4.10/32 json'));
    expect(shown.paths[0].metric).toBe(0);

    await node.ip('route', 'del', 'blackhole', '172.24.4.10', 'proto', '179', 'metric', '17900');
    await eventually(async () => (await frr.announced()).join() === '2001:db8::10/128');
  });

  test('routes that were there before the stanza are announced too', async () => {
    await node.ip('route', 'add', 'blackhole', '172.24.4.10', 'proto', '179', 'metric', '17900');
    await eventually(async () => (await frr.zebraRoutes(mainTable(17900)))?.length === 1);
    await frr.apply(SCOPE, undefined, KERNEL);
    await eventually(async () => (await frr.announced()).join() === '172.24.4.10/32');
    await frr.apply(SCOPE, KERNEL, undefined);
    await eventually(async () => (await frr.announced()).length === 0);
    expect(await frr.zebraRoutes(mainTable(17900))).toEqual(['172.24.4.10/32']);
  });

  test('routes are followed again after zebra was started anew under bgpd', async () => {
    frr.subscribe(() => undefined);
    await frr.apply(SCOPE, undefined, KERNEL);
    await frr.stanzas(SCOPE);
    const blackhole = ['metric', '17900', 'proto', '179'];
    await node.ip('route', 'add', 'blackhole', '192.0.2.1', ...blackhole);
    await eventually(async () => (await frr.announced()).includes('192.0.2.1/32' as Prefix));
    await node.stopDaemon('zebra');
    await node.startDaemon('zebra');
    await node.ip('route', 'add', 'blackhole', '192.0.2.2', ...blackhole);
    // bgpd takes up to ten seconds to find the new zebra.
    await eventually(async () => (await frr.announced()).includes('192.0.2.2/32' as Prefix), 20_000);
    await node.ip('route', 'del', 'blackhole', '192.0.2.1', ...blackhole);
    await eventually(async () => !(await frr.announced()).includes('192.0.2.1/32' as Prefix));
    expect(await frr.announced()).toContain('192.0.2.2/32');
  });

  test('a bgpd that does not hear of routes is found, and hears of them when it registers again', async () => {
    await frr.apply(SCOPE, undefined, KERNEL);
    const blackhole = ['metric', '17900', 'proto', '179'];
    const first = '192.0.2.1/32' as Prefix;
    const ask = (prefix: Prefix) => frr.heard(SCOPE, 'kernel-routes', prefix);
    expect(await ask(first)).toBe('unknown');
    expect(await frr.heard(SCOPE, 'leak', first)).toBe('unknown');
    await node.ip('route', 'add', 'blackhole', first, ...blackhole);
    await eventually(async () => (await ask(first)) === 'yes');
    // Nobody subscribed: it is as if no agent ran.
    await node.stopDaemon('zebra');
    await node.startDaemon('zebra');
    await eventually(async () => /^bgp\s/m.test(await node.vtysh('show zebra client summary')), 20_000);
    const later = ['192.0.2.2/32' as Prefix, '2001:db8::2/128' as Prefix];
    for (const prefix of later) {
      await node.ip('route', 'add', 'blackhole', prefix, ...blackhole);
      await eventually(async () => (await ask(prefix)) === 'no');
    }
    await frr.registerAgain(SCOPE);
    for (const prefix of later) await eventually(async () => (await ask(prefix)) === 'yes');
  });

  test('a route that went while zebra was away is found, and goes when it comes and goes once more', async () => {
    let returns = 0;
    frr.subscribe(() => undefined);
    frr.onZebraReturn(() => {
      returns += 1;
    });
    await frr.apply(SCOPE, undefined, KERNEL);
    const orphans = (): Promise<readonly Prefix[]> => frr.orphans(SCOPE, 'kernel-routes', () => false);
    await frr.stanzas(SCOPE);
    const blackhole = ['metric', '17900', 'proto', '179'];
    const gone = ['192.0.2.1/32', '2001:db8::1/128'];
    for (const prefix of [...gone, '192.0.2.2/32'])
      await node.ip('route', 'add', 'blackhole', prefix, ...blackhole);
    await node.vtysh(
      'configure terminal',
      'router bgp 64999',
      'address-family ipv4 unicast',
      'network 198.51.100.7/32',
    );
    await eventually(async () => (await frr.announced()).length >= 3);
    expect(await orphans()).toEqual([]);
    await node.stopDaemon('zebra');
    for (const prefix of gone) await node.ip('route', 'del', 'blackhole', prefix, ...blackhole);
    await node.startDaemon('zebra');
    await eventually(async () => returns === 1, 20_000);
    expect(await orphans()).toEqual(gone);
    expect(await frr.orphans(SCOPE, 'kernel-routes', (prefix) => prefix === gone[0])).toEqual(gone.slice(1));
    // That stanza does not stand here.
    expect(await frr.orphans(SCOPE, 'leak', () => false)).toEqual([]);
    for (const prefix of gone) await node.ip('route', 'add', 'blackhole', prefix, ...blackhole);
    await eventually(async () => (await orphans()).length === 0);
    for (const prefix of gone) await node.ip('route', 'del', 'blackhole', prefix, ...blackhole);
    await eventually(async () => (await frr.announced()).every((prefix) => !gone.includes(prefix)));
    expect(await orphans()).toEqual([]);
    expect(await frr.announced()).toContain('192.0.2.2/32');
  });
});
