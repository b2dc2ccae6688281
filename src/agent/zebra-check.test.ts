import { beforeEach, describe, expect, it } from 'vitest';
import { type Prefix, parsePrefix } from '../base/address.ts';
import { type Logger, silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { FrrError } from '../frr/errors.ts';
import type { ZebraPlace } from '../frr/types.ts';
import { keyOf } from '../node/keys.ts';
import type { ChangeOutcome, DesiredObject, NodeObjectKind, ObjectKey } from '../node/objects.ts';
import { advertise } from '../wiring/advertise.ts';
import { TEST_CONFIG } from '../wiring/testing.ts';
import { ZebraCheck } from './zebra-check.ts';

const HOSTS = prefixes('10.0.0.1/32', '10.0.0.2/32', '2001:db8::1/128');
const SUBNET = prefixes('10.1.0.0/24');

/** A node whose announcements stand, and a zebra that holds what it is told to hold. */
class World {
  readonly clock = new VirtualClock();
  readonly standing = new Map<ObjectKey, DesiredObject>();
  /** What zebra holds; unless `deaf`, it takes over what is written. */
  readonly held = new Set<Prefix>();
  readonly deaf = new Set<Prefix>();
  readonly lines: string[] = [];
  readonly written: string[] = [];
  readonly asked: (number | 'all')[] = [];
  places: ZebraPlace[] = [];
  listeners = '';
  away = false;
  readonly check: ZebraCheck;
  readonly #config: typeof TEST_CONFIG;

  constructor(advertiseVia: 'main' | 'vrf') {
    this.#config = { ...TEST_CONFIG, advertiseVia };
    const say = (_fields: object, message: string): void => void this.lines.push(message);
    const log: Logger = { ...silentLogger, warn: say, error: say };
    const frr = {
      zebraRoutes: async (place: ZebraPlace) => this.#answer(place, 'all', [...this.held]),
      zebraHolds: async (place: ZebraPlace, asked: readonly Prefix[]) =>
        this.#answer(
          place,
          asked.length,
          asked.filter((prefix) => this.held.has(prefix)),
        ),
    };
    this.check = new ZebraCheck(frr, () => this.listeners, this.#config, this.clock, log);
  }

  /** The agent announces these; zebra hears of them unless it is deaf to them. */
  announce(...wanted: readonly Prefix[]): void {
    this.check.observe(wanted.map((prefix) => this.#write('add', this.#item(prefix))));
  }

  withdraw(...gone: readonly Prefix[]): void {
    this.check.observe(gone.map((prefix) => this.#write('remove', this.#item(prefix))));
  }

  /** Lets time go by, and carries out what the check wants. */
  async pass(seconds: number): Promise<void> {
    for (let tick = 0; tick < seconds * 10; tick += 1) {
      if (this.check.dueInMs === 0) {
        const mend = await this.check.look(this.standing, new AbortController().signal);
        const { plan } = mend?.(this.#node(), this.standing) ?? {};
        const outcomes = (plan?.stages ?? []).flatMap(({ changes }) =>
          changes.map((change) => {
            const item =
              change.op === 'remove' ? this.#item(prefixOf(change.observed.object)) : change.desired;
            this.written.push(`${change.op} ${prefixOf(item.object)}`);
            return this.#write(change.op === 'remove' ? 'remove' : 'add', item);
          }),
        );
        if (plan !== undefined) this.check.observe(outcomes);
      }
      this.clock.advance(100);
    }
  }

  #write(op: 'add' | 'remove', item: DesiredObject): ChangeOutcome {
    const key = keyOf(item.object);
    const prefix = prefixOf(item.object);
    if (op === 'add') {
      this.standing.set(key, item);
      if (!this.deaf.has(prefix)) this.held.add(prefix);
      return { change: { op, key, desired: item } };
    }
    this.standing.delete(key);
    if (!this.deaf.has(prefix)) this.held.delete(prefix);
    return { change: { op, key, observed: { object: item.object, owned: true } } };
  }

  #item(prefix: Prefix): DesiredObject {
    return advertise({ prefix }, this.#config, [], 'a test');
  }

  #node(): Parameters<NonNullable<Awaited<ReturnType<ZebraCheck['look']>>>>[0] {
    const node = {
      observed: (key: ObjectKey) => {
        const item = this.standing.get(key);
        return item === undefined ? undefined : { object: item.object, owned: true };
      },
      observedKeys: (kind: NodeObjectKind) =>
        [...this.standing].flatMap(([key, { object }]) => (object.kind === kind ? [key] : [])),
    };
    return node as never;
  }

  #answer(place: ZebraPlace, about: number | 'all', held: readonly Prefix[]): readonly Prefix[] {
    if (this.away) throw new FrrError('unreachable', 'zebra is away');
    this.places.push(place);
    this.asked.push(about);
    return held;
  }
}

function prefixOf(object: DesiredObject['object']): Prefix {
  if (object.kind === 'address') return object.prefix;
  if (object.kind === 'route') return object.destination;
  throw new TypeError(`a ${object.kind} announces nothing`);
}

function prefixes(...texts: readonly string[]): readonly Prefix[] {
  return texts.flatMap((text) => parsePrefix(text) ?? []);
}

describe.each(['main', 'vrf'] as const)('what zebra took over, advertise_via = %s', (via) => {
  let world: World;
  beforeEach(() => {
    world = new World(via);
  });

  it('is asked for after a change of any size, where it stands, and that is all', async () => {
    world.announce(...HOSTS, ...SUBNET);
    await world.pass(60);
    expect(world.asked).toEqual([4]);
    expect(world.places[0]).toMatchObject(
      via === 'main' ? { kind: 'main' } : { kind: 'vrf', vrf: 'bgp-vrf', device: 'bgp-nic' },
    );
    world.withdraw(...SUBNET);
    await world.pass(60);
    expect(world.asked).toEqual([4, 1]);
    expect(world.written).toEqual([]);
  });

  it('is written anew where it lacks, and nothing else is touched', async () => {
    const [missed] = HOSTS as [Prefix];
    world.deaf.add(missed);
    world.announce(...HOSTS);
    await world.pass(1);
    world.deaf.clear();
    await world.pass(10);
    expect(world.written).toEqual([`remove ${missed}`, `add ${missed}`]);
    expect(world.held).toEqual(new Set(HOSTS));
    expect(world.lines).toEqual(['zebra missed routes: they are written anew']);
  });

  it('is written once more and taken away where it went unseen', async () => {
    world.announce(...HOSTS);
    await world.pass(5);
    const [gone] = HOSTS as [Prefix];
    world.deaf.add(gone);
    world.withdraw(gone);
    await world.pass(1);
    world.deaf.clear();
    await world.pass(10);
    expect(world.written).toEqual([`add ${gone}`, `remove ${gone}`]);
    expect(world.held.has(gone)).toBe(false);
    expect(world.standing.size).toBe(HOSTS.length - 1);
  });

  it('is not waited for without end: its own writes are no news, and the last attempt is said once', async () => {
    const [stubborn] = HOSTS as [Prefix];
    world.deaf.add(stubborn);
    world.announce(...HOSTS);
    await world.pass(300);
    expect(world.written).toHaveLength(2 * 4);
    expect(world.lines.filter((line) => line.includes('for the last time'))).toHaveLength(1);
    const asked = world.asked.length;
    await world.pass(300);
    expect(world.asked).toHaveLength(asked);
    // Another zebra, another chance.
    world.check.notice('zebra-returned');
    world.deaf.clear();
    await world.pass(10);
    expect(world.held.has(stubborn)).toBe(true);
  });

  it('is looked at as a whole when the kernel dropped messages for somebody', async () => {
    const listener = (drops: number): string => `0 0 1 000000c0 0 0 0 2 ${drops} 100`;
    world.listeners = listener(0);
    world.announce(...HOSTS);
    await world.pass(5);
    world.held.clear();
    world.listeners = listener(3);
    world.check.observe([]);
    await world.pass(5);
    expect(world.asked.at(1)).toBe('all');
    expect(world.held).toEqual(new Set(HOSTS));
  });

  it('is given time while it makes progress', async () => {
    const many = Array.from({ length: 100 }, (_, number) => `10.2.0.${number}/32`);
    for (const prefix of prefixes(...many)) world.deaf.add(prefix);
    world.announce(...prefixes(...many));
    await world.pass(1);
    for (const prefix of world.deaf) {
      world.held.add(prefix);
      if (world.held.size % 10 === 0) await world.pass(0.5);
    }
    await world.pass(10);
    expect(world.written).toEqual([]);
  });

  it('is not what is on its way while changes go on', async () => {
    const many = prefixes(...Array.from({ length: 60 }, (_, number) => `10.2.0.${number}/32`));
    world.check.notice('zebra-returned');
    // zebra is always a tenth of a second behind.
    for (const prefix of many) {
      world.deaf.add(prefix);
      world.announce(prefix);
      await world.pass(0.1);
      world.held.add(prefix);
    }
    await world.pass(10);
    expect(world.written).toEqual([]);
  });

  it('is asked later when zebra is away: a look that is due is not lost', async () => {
    world.away = true;
    const [missed] = HOSTS as [Prefix];
    world.deaf.add(missed);
    world.announce(...HOSTS);
    await world.pass(30);
    world.away = false;
    world.deaf.clear();
    await world.pass(70);
    expect(world.held).toEqual(new Set(HOSTS));
  });
});
