/**
 * A kernel in memory behind the `Rtnetlink` interface, for tests.
 *
 * It answers what the real one answers to what the agent does: EEXIST, ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL, ENETDOWN;
 * a device that goes takes its addresses, routes and neighbours along (IPv4 routes without a word), one that goes down
 * loses its routes, neighbours and IPv6 addresses, one that loses its last IPv4 address its IPv4 routes; a VRF that goes
 * sets its devices free. Events, also those of the
 * caller's own writes, come later (`schedule`). Beyond the interface: `foreign` edits as another program would,
 * `fail` refuses requests, `log` has every request that did something, `breakNextBatch` loses an answer.
 */
import type {
  Address,
  Family,
  KernelEvent,
  Link,
  LinkData,
  Neighbor,
  NeighborFilter,
  NetlinkFailure,
  Request,
  Route,
  RouteFilter,
  Rtnetlink,
  Rule,
} from '../netlink/types.ts';

const ERRNO: Readonly<Record<string, number>> = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  EOPNOTSUPP: 95,
  EADDRNOTAVAIL: 99,
  ENETDOWN: 100,
};
const PERMANENT = 0x80;
const SCOPE_ANY = 255;

export interface FakeRtnetlinkOptions {
  /** When to deliver events; the default is the next turn of the event loop. */
  readonly schedule?: (deliver: () => void) => void;
  /** Link kinds that this kernel can make; the default is all. */
  readonly linkKinds?: readonly LinkData['kind'][];
}

export class FakeRtnetlink implements Rtnetlink {
  /** Every request of the caller that changed something, in order. */
  readonly log: Request[] = [];
  /** Dumps that were asked for. */
  dumps = 0;
  /** Returns a symbolic error to refuse a request of the caller. */
  fail: ((request: Request) => string | undefined) | undefined;
  readonly #links = new Map<number, Link>();
  readonly #addresses = new Map<string, Address>();
  readonly #rules = new Map<string, Rule>();
  readonly #routes = new Map<string, Route>();
  readonly #neighbors = new Map<string, Neighbor>();
  readonly #listeners = new Set<(events: readonly KernelEvent[]) => void>();
  readonly #deviceListeners = new Set<(name: string, gone: boolean) => void>();
  readonly #linkKinds: readonly string[] | undefined;
  readonly #schedule: (deliver: () => void) => void;
  #events: KernelEvent[] = [];
  #nextIndex = 1;
  #breakNext = false;

  constructor(options: FakeRtnetlinkOptions = {}) {
    this.#schedule = options.schedule ?? ((deliver) => void setImmediate(deliver));
    this.#linkKinds = options.linkKinds;
    this.addLink({ name: 'lo', up: true });
  }

  links(): Promise<Link[]> {
    return this.#dump(this.#links.values());
  }

  addresses(filter: { readonly family?: Family; readonly index?: number } = {}): Promise<Address[]> {
    return this.#dump(this.#addresses.values(), (found) => matches(filter, found));
  }

  rules(family?: number): Promise<Rule[]> {
    return this.#dump(this.#rules.values(), (found) => family === undefined || found.family === family);
  }

  routes(filter: RouteFilter = {}): Promise<Route[]> {
    return this.#dump(this.#routes.values(), (found) => matches(filter, found));
  }

  neighbors(filter: NeighborFilter = {}): Promise<Neighbor[]> {
    return this.#dump(this.#neighbors.values(), (found) => matches(filter, found));
  }

  async batch(requests: readonly Request[]): Promise<readonly (NetlinkFailure | undefined)[]> {
    const replies = requests.map((request) => {
      const refused = this.fail?.(request);
      const code = refused ?? this.#execute(request);
      if (code === undefined) this.log.push(request);
      return code === undefined ? undefined : failure(code, request);
    });
    if (this.#breakNext) {
      this.#breakNext = false;
      throw failure('ENOBUFS');
    }
    return replies;
  }

  supportsLinkKind(kind: LinkData['kind']): Promise<boolean> {
    return Promise.resolve(this.#linkKinds?.includes(kind) ?? true);
  }

  subscribe(listener: (events: readonly KernelEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#listeners.clear();
  }

  /** Another program's requests: not in `log`, never refused by `fail`. Throws what the kernel would say. */
  foreign(...requests: readonly Request[]): void {
    for (const request of requests) {
      const code = this.#execute(request);
      if (code !== undefined) throw failure(code, request);
    }
  }

  /** A device of any kind, as it would appear by itself. */
  addLink(link: Partial<Link> & { readonly name: string }): Link {
    const index = this.#nextIndex++;
    const made: Link = {
      index,
      up: false,
      running: true,
      mtu: 1500,
      mac: `02:00:00:00:00:${(index & 0xff).toString(16).padStart(2, '0')}`,
      ...link,
    };
    this.#putLink(made);
    for (const listener of this.#deviceListeners) listener(made.name, false);
    return made;
  }

  /** A device changes by itself: its carrier, its MAC address. */
  changeLink(name: string, changes: Partial<Pick<Link, 'running' | 'mac'>>): void {
    const held = this.linkNamed(name);
    if (held !== undefined) this.#putLink({ ...held, ...changes });
  }

  allLinks(): Link[] {
    return [...this.#links.values()];
  }

  linkNamed(name: string): Link | undefined {
    return [...this.#links.values()].find((link) => link.name === name);
  }

  /** A route as it is, also of kinds that no request makes. */
  addRoute(route: Route): void {
    this.#routes.set(routeKey(route), route);
    this.#emit({ type: 'route', gone: false, route });
  }

  addRule(rule: Rule): void {
    this.#rules.set(ruleKey(rule), rule);
    this.#emit({ type: 'rule', gone: false, rule });
  }

  addNeighbor(neighbor: Neighbor): void {
    this.#neighbors.set(neighborKey(neighbor), neighbor);
    if (!neighbor.proxy) this.#emit({ type: 'neighbor', gone: false, neighbor });
  }

  addAddress(address: Address): void {
    this.#addresses.set(addressKey(address), address);
    this.#emit({ type: 'address', gone: false, address });
  }

  /** Events were lost. */
  overrun(): void {
    this.#events = [];
    this.#emit({ type: 'resync', reason: 'ENOBUFS' });
  }

  /** The next batch is carried out, but its answer is lost. */
  breakNextBatch(): void {
    this.#breakNext = true;
  }

  /** Tells of devices that come and go, at once: what else a kernel keeps for a device. */
  onDevice(listener: (name: string, gone: boolean) => void): void {
    this.#deviceListeners.add(listener);
  }

  /** Everything as plain sorted text, to compare states. */
  dumpText(): string[] {
    const all = [this.#links, this.#addresses, this.#rules, this.#routes, this.#neighbors];
    return all.flatMap((table) => [...table.values()].map((item) => JSON.stringify(item))).sort();
  }

  async #dump<T>(items: Iterable<T>, keep: (item: T) => boolean = () => true): Promise<T[]> {
    this.dumps += 1;
    return [...items].filter(keep);
  }

  #execute(request: Request): string | undefined {
    switch (request.type) {
      case 'link':
        return this.#link(request);
      case 'address':
        return this.#address(request);
      case 'rule':
        return this.#rule(request);
      case 'route':
        return this.#route(request);
      case 'neighbor':
        return this.#neighbor(request);
      default:
        return request satisfies never;
    }
  }

  #link({ op, link }: Extract<Request, { readonly type: 'link' }>): string | undefined {
    const held =
      link.index !== undefined
        ? this.#links.get(link.index)
        : link.name === undefined
          ? undefined
          : this.linkNamed(link.name);
    if (op === 'add') {
      if (held !== undefined) return 'EEXIST';
      if (link.data === undefined || link.name === undefined) return 'EINVAL';
      const { data } = link;
      if (this.#linkKinds !== undefined && !this.#linkKinds.includes(data.kind)) return 'EOPNOTSUPP';
      if (data.kind === 'vlan') {
        if (link.parent === undefined || !this.#links.has(link.parent)) return 'ENODEV';
        const taken = [...this.#links.values()].some(
          (other) => other.parent === link.parent && other.data?.kind === 'vlan' && other.data.id === data.id,
        );
        if (taken) return 'EEXIST';
        if (link.up === true && this.#links.get(link.parent)?.up !== true) return 'ENETDOWN';
      }
      this.addLink({
        name: link.name,
        kind: data.kind,
        data,
        ...(link.parent === undefined ? {} : { parent: link.parent }),
        ...(link.master === undefined ? {} : { master: link.master }),
        ...(link.alias === undefined ? {} : { alias: link.alias }),
        up: link.up ?? false,
      });
      return undefined;
    }
    if (held === undefined) return 'ENODEV';
    if (op === 'delete') {
      this.#deleteLink(held);
      return undefined;
    }
    return this.#setLink(held, link);
  }

  #setLink(held: Link, request: Extract<Request, { readonly type: 'link' }>['link']): string | undefined {
    const { master, up, alias } = request;
    const parent = held.parent === undefined ? undefined : this.#links.get(held.parent);
    const { master: _master, ...free } = held;
    let next: Link = held;
    if (master !== undefined) next = master === 0 ? free : { ...held, master };
    if (alias !== undefined) next = { ...next, alias };
    // A VLAN device cannot be up above one that is down.
    if (up === true && held.data?.kind === 'vlan' && parent?.up !== true) {
      if (next !== held) this.#putLink(next);
      return 'ENETDOWN';
    }
    const moved = master !== undefined && master !== (held.master ?? 0);
    if (moved && held.up) this.#takeDown(held.index);
    if (up === false && held.up) this.#takeDown(held.index);
    this.#putLink(up === undefined ? next : { ...next, up });
    if (up === false && held.up) {
      for (const above of this.#links.values()) {
        if (above.parent === held.index && above.up) this.#setLink(above, { up: false });
      }
    }
    return undefined;
  }

  #deleteLink(held: Link): void {
    for (const other of this.#links.values()) {
      if (other.parent === held.index) this.#deleteLink(other);
      else if (other.master === held.index) this.#setLink(other, { master: 0 });
    }
    this.#takeDown(held.index);
    for (const [key, address] of this.#addresses) {
      if (address.index !== held.index) continue;
      this.#addresses.delete(key);
      this.#emit({ type: 'address', gone: true, address });
    }
    this.#links.delete(held.index);
    this.#emit({ type: 'link', gone: true, link: held });
    for (const listener of this.#deviceListeners) listener(held.name, true);
  }

  /** What the kernel flushes from a device that goes down. */
  #takeDown(index: number): void {
    for (const [key, address] of this.#addresses) {
      if (address.index !== index || address.family !== 6) continue;
      this.#addresses.delete(key);
      this.#emit({ type: 'address', gone: true, address });
    }
    for (const [key, route] of this.#routes) {
      if (route.index !== index) continue;
      this.#routes.delete(key);
      // fib_table_flush() tells nobody; IPv6 does.
      if (route.family === 6) this.#emit({ type: 'route', gone: true, route });
    }
    for (const [key, neighbor] of this.#neighbors) {
      if (neighbor.index !== index) continue;
      this.#neighbors.delete(key);
      if (!neighbor.proxy) this.#emit({ type: 'neighbor', gone: true, neighbor });
    }
  }

  #putLink(link: Link): void {
    this.#links.set(link.index, link);
    this.#emit({ type: 'link', gone: false, link });
  }

  #address({ op, address }: Extract<Request, { readonly type: 'address' }>): string | undefined {
    if (!this.#links.has(address.index)) return 'ENODEV';
    const { metric, ...rest } = address;
    // 0 is none.
    const made: Address = { scope: 0, flags: 0x80, ...rest, ...(metric ? { metric } : {}) };
    const key = addressKey(made);
    const held = this.#addresses.get(key);
    if (op === 'delete') {
      if (held === undefined) return 'EADDRNOTAVAIL';
      this.#addresses.delete(key);
      this.#emit({ type: 'address', gone: true, address: held });
      if (held.family === 4) this.#disableIpWithout(held.index);
      return undefined;
    }
    if (op === 'add' && held !== undefined) return 'EEXIST';
    this.addAddress(made);
    return undefined;
  }

  /** The IPv4 routes of a device without an IPv4 address are flushed, without a word. */
  #disableIpWithout(index: number): void {
    for (const { family, index: other } of this.#addresses.values()) {
      if (family === 4 && other === index) return;
    }
    for (const [key, route] of this.#routes) {
      if (route.family === 4 && route.index === index) this.#routes.delete(key);
    }
  }

  #rule({ op, rule }: Extract<Request, { readonly type: 'rule' }>): string | undefined {
    const made: Rule = { action: 1, other: false, ...rule };
    const key = ruleKey(made);
    const held = this.#rules.get(key);
    if (op === 'add') {
      if (held !== undefined) return 'EEXIST';
      this.addRule(made);
      return undefined;
    }
    const otherProtocol = rule.protocol !== undefined && (held?.protocol ?? 0) !== rule.protocol;
    if (held === undefined || otherProtocol) return 'ENOENT';
    this.#rules.delete(key);
    this.#emit({ type: 'rule', gone: true, rule: held });
    return undefined;
  }

  #route({ op, route }: Extract<Request, { readonly type: 'route' }>): string | undefined {
    const link = route.index === undefined ? undefined : this.#links.get(route.index);
    if (route.index !== undefined && link === undefined) return 'ENODEV';
    const metric = route.metric ?? (route.family === 6 ? 1024 : 0);
    const made: Route = {
      type: 'unicast',
      ...route,
      metric,
      scope: route.family === 6 ? 0 : (route.scope ?? 0),
    };
    const key = routeKey(made);
    const held = this.#routes.get(key);
    if (op === 'delete') {
      const differs =
        held === undefined ||
        (route.protocol !== 0 && route.protocol !== held.protocol) ||
        (route.index !== undefined && route.index !== held.index) ||
        (route.via !== undefined && route.via !== held.via) ||
        (route.type !== undefined && route.type !== held.type) ||
        (route.family === 4 && made.scope !== SCOPE_ANY && made.scope !== held.scope);
      if (differs) return 'ESRCH';
      this.#routes.delete(key);
      this.#emit({ type: 'route', gone: true, route: held });
      return undefined;
    }
    if (link !== undefined && !link.up) return 'ENETDOWN';
    if (op === 'add' && held !== undefined) return 'EEXIST';
    this.addRoute(made);
    return undefined;
  }

  #neighbor({ op, neighbor }: Extract<Request, { readonly type: 'neighbor' }>): string | undefined {
    if (!this.#links.has(neighbor.index)) return 'ENODEV';
    const made: Neighbor = { state: PERMANENT, proxy: false, flags: 0, ...neighbor };
    const key = neighborKey(made);
    const held = this.#neighbors.get(key);
    if (op === 'delete') {
      if (held === undefined) return 'ENOENT';
      this.#neighbors.delete(key);
      if (!held.proxy) this.#emit({ type: 'neighbor', gone: true, neighbor: held });
      return undefined;
    }
    if (op === 'add' && held !== undefined && !made.proxy) return 'EEXIST';
    this.addNeighbor(made);
    return undefined;
  }

  #emit(event: KernelEvent): void {
    this.#events.push(event);
    if (this.#events.length > 1) return;
    this.#schedule(() => {
      const events = this.#events;
      this.#events = [];
      if (events.length === 0) return;
      for (const listener of this.#listeners) listener(events);
    });
  }
}

function failure(code: string, request?: Request): NetlinkFailure {
  const what = request === undefined ? '' : ` (${request.op} ${request.type})`;
  return Object.assign(new Error(`${code}${what}`), { code, errno: ERRNO[code] ?? 22 });
}

function matches<T extends object>(filter: Partial<T>, item: T): boolean {
  return Object.entries(filter).every(([name, value]) => item[name as keyof T] === value);
}

function addressKey(address: Address): string {
  // IPv6 knows an address once a device, whatever its length.
  const text = address.family === 6 ? address.address.split('/')[0] : address.address;
  return `${address.index} ${text}`;
}

function ruleKey({ family, priority, table, action, to, from, other }: Rule): string {
  return `${family} ${priority} ${table} ${action} ${to} ${from} ${other}`;
}

function routeKey({ family, table, destination, metric }: Route): string {
  return `${family} ${table} ${destination} ${metric}`;
}

function neighborKey({ family, index, address, proxy }: Neighbor): string {
  return `${family} ${index} ${address} ${proxy}`;
}
