/**
 * FRR for tests: holds stanzas in memory and behaves like the real edge where callers can notice.
 *
 * In: the same calls as `Frr`, plus handles that do to it what happens to a real bgpd: killed, restarted without its
 * running configuration, reconfigured by somebody else, refusing the next change. Out: stanzas, router id, events in a
 * microtask (the real ones come from socket callbacks, never from inside a call). Failures are the same `FrrError`s.
 */
import type { IpAddress, Prefix } from '../base/address.ts';
import { Freezer } from '../base/testing-freezer.ts';
import { FrrError } from './errors.ts';
import type { BgpPeers } from './peers.ts';
import type { Frr, Stanza, StanzaScope, ZebraPlace } from './types.ts';

export interface FakeFrrOptions {
  /** AS of the operator's default instance; `undefined`: there is none. */
  readonly as?: number | undefined;
  readonly routerId?: IpAddress | undefined;
}

export interface FakeFrrCall {
  readonly id: Stanza['id'];
  readonly from: Stanza | undefined;
  readonly to: Stanza | undefined;
}

export class FakeFrr implements Frr {
  /** Every `apply` that changed something, in order. */
  readonly applied: FakeFrrCall[] = [];
  /** By id; that of the VRF of a former configuration has the VRF behind it. */
  readonly #stanzas = new Map<string, Stanza>();
  readonly #listeners = new Set<(event: 'up' | 'down') => void>();
  readonly #failures: FrrError[] = [];
  #as: number | undefined;
  #routerId: IpAddress | undefined;
  #running = true;
  readonly #freezer = new Freezer();
  #closed = false;
  /** By place; absent: zebra cannot tell. */
  readonly #zebraRoutes: { main?: readonly Prefix[]; vrf?: readonly Prefix[] } = {};
  #announced: readonly Prefix[] = [];
  #orphans: () => readonly Prefix[] = () => [];
  #deaf = false;
  #peers: BgpPeers = { peers: [], listenRanges: [], routerIds: [] };
  readonly #returnListeners = new Set<() => void>();

  constructor(options: FakeFrrOptions = {}) {
    this.#as = 'as' in options ? options.as : 64999;
    this.#routerId = options.routerId;
  }

  async stanzas(scope: StanzaScope, signal?: AbortSignal): Promise<readonly Stanza[]> {
    await this.#check(signal);
    return this.#inScope(scope);
  }

  async apply(
    scope: StanzaScope,
    from: Stanza | undefined,
    to: Stanza | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#check(signal);
    const id = (to ?? from)?.id;
    if (id === undefined) return;
    if (to !== undefined) this.#checkInstance(scope);
    const failure = this.#failures.shift();
    if (failure !== undefined) throw failure;
    this.#setAside(scope);
    const key = scope.former === true ? `${id} ${scope.vrf}` : id;
    const held = this.#stanzas.get(key);
    if (sameLines(held, to)) return;
    this.applied.push({ id, from: held, to });
    if (to === undefined) this.#stanzas.delete(key);
    else this.#stanzas.set(key, to);
  }

  async routerId(signal?: AbortSignal): Promise<IpAddress | undefined> {
    await this.#check(signal);
    return this.#as === undefined ? undefined : this.#routerId;
  }

  async peers(_scope: Pick<StanzaScope, 'vrf'>, signal?: AbortSignal): Promise<BgpPeers> {
    await this.#check(signal);
    return this.#peers;
  }

  async zebraRoutes(place: ZebraPlace, signal?: AbortSignal): Promise<readonly Prefix[] | undefined> {
    await this.#check(signal);
    return this.#zebraRoutes[place.kind];
  }

  async zebraHolds(
    place: ZebraPlace,
    asked: readonly Prefix[],
    signal?: AbortSignal,
  ): Promise<readonly Prefix[] | undefined> {
    const held = await this.zebraRoutes(place, signal);
    return held === undefined ? undefined : asked.filter((prefix) => held.includes(prefix));
  }

  async announced(signal?: AbortSignal): Promise<readonly Prefix[]> {
    await this.#check(signal);
    return this.#announced;
  }

  async orphans(
    _scope: StanzaScope,
    id: Stanza['id'],
    except: (prefix: Prefix) => boolean,
    signal?: AbortSignal,
  ): Promise<readonly Prefix[]> {
    await this.#check(signal);
    return this.#stanzas.has(id) ? this.#orphans().filter((prefix) => !except(prefix)) : [];
  }

  async heard(
    _scope: StanzaScope,
    id: Stanza['id'],
    _prefix: Prefix,
    signal?: AbortSignal,
  ): Promise<'yes' | 'no' | 'unknown'> {
    await this.#check(signal);
    if (!this.#stanzas.has(id)) return 'unknown';
    return this.#deaf ? 'no' : 'yes';
  }

  async registerAgain(_scope: StanzaScope, signal?: AbortSignal): Promise<void> {
    await this.#check(signal);
    this.#deaf = false;
  }

  onZebraReturn(listener: () => void): () => void {
    this.#returnListeners.add(listener);
    return () => this.#returnListeners.delete(listener);
  }

  subscribe(listener: (event: 'up' | 'down') => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
  }

  /** bgpd dies: every call fails until `start`. */
  kill(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#emit('down');
  }

  /** bgpd is back with the operator's saved configuration only: the agent's stanzas are gone. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#stanzas.clear();
    this.#emit('up');
  }

  /** The daemons are stopped in their tracks: every call hangs until `thaw`. */
  freeze(): void {
    this.#freezer.freeze();
  }

  thaw(): void {
    this.#freezer.thaw();
  }

  /** What an operator or another program does behind the agent's back; FRR tells nobody. */
  tamper(id: Stanza['id'], stanza: Stanza | undefined): void {
    if (stanza === undefined) this.#stanzas.delete(id);
    else this.#stanzas.set(id, stanza);
  }

  /** The operator's default instance and its router id. */
  configure(options: FakeFrrOptions): void {
    if ('as' in options) this.#as = options.as;
    if ('routerId' in options) this.#routerId = options.routerId;
  }

  /** zebra was started anew while nobody watched: bgpd hears of nothing until it registers again. */
  loseRegistration(): void {
    this.#deaf = true;
  }

  get registered(): boolean {
    return !this.#deaf;
  }

  /** Whom the operator's instances talk to from now on. */
  setPeers(peers: Partial<BgpPeers>): void {
    this.#peers = { peers: [], listenRanges: [], routerIds: [], ...peers };
  }

  /** What zebra (in the default VRF, in the agent's) and bgpd are to say they hold. */
  report(routes: {
    readonly zebra?: readonly Prefix[];
    readonly zebraVrf?: readonly Prefix[];
    readonly announced?: readonly Prefix[];
  }): void {
    if (routes.zebra !== undefined) this.#zebraRoutes.main = routes.zebra;
    if (routes.zebraVrf !== undefined) this.#zebraRoutes.vrf = routes.zebraVrf;
    this.#announced = routes.announced ?? this.#announced;
  }

  /** zebra was started anew under a living bgpd, which announces these, asked for each time anew, for want of better news. */
  returnZebra(orphans: () => readonly Prefix[]): void {
    this.#orphans = orphans;
    queueMicrotask(() => {
      for (const listener of this.#returnListeners) listener();
    });
  }

  /** The next `apply` fails with this and changes nothing; several queue up. */
  failNextApply(error = new FrrError('rejected', 'bgpd refused a line (injected by a test)')): void {
    this.#failures.push(error);
  }

  /** What stands for another VRF stands beside what comes. */
  #setAside({ vrf, former }: StanzaScope): void {
    const leak = this.#stanzas.get('leak');
    const other = leak?.lines.map(({ line }) => /^import vrf (\S+)$/.exec(line)?.[1]).find(Boolean);
    if (leak === undefined || other === undefined || (other === vrf) !== (former === true)) return;
    this.#stanzas.delete('leak');
    this.#stanzas.set(`leak ${other}`, leak);
  }

  #inScope(scope: StanzaScope): readonly Stanza[] {
    const ours = `vrf ${scope.vrf}`;
    return [...this.#stanzas.values()].filter(
      (stanza) =>
        stanza.id !== 'leak' ||
        stanza.lines.some(
          ({ context, line }) => line.endsWith(ours) || context.some((c) => c.endsWith(ours)),
        ),
    );
  }

  async #check(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await this.#freezer.pass();
    if (this.#closed) throw new FrrError('unreachable', 'the connection to bgpd was closed');
    if (!this.#running) throw new FrrError('unreachable', 'cannot connect to bgpd: it is not running');
  }

  #checkInstance(scope: StanzaScope): void {
    if (this.#as === undefined) throw new FrrError('no-instance', 'bgpd has no default BGP instance');
    if (this.#as !== scope.as) {
      throw new FrrError(
        'as-mismatch',
        `the default BGP instance has AS ${this.#as}, the agent's configuration says ${scope.as}`,
      );
    }
  }

  #emit(event: 'up' | 'down'): void {
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener(event);
    });
  }
}

function sameLines(a: Stanza | undefined, b: Stanza | undefined): boolean {
  return JSON.stringify(a?.lines) === JSON.stringify(b?.lines);
}
