/**
 * The real edge to FRR: bgpd and zebra over their vty sockets.
 *
 * In: stanzas to hold, questions. Out: what FRR says, and `up`/`down` when bgpd comes and goes. Every failure is an
 * `FrrError`; a caller's own abort comes through as it is.
 *
 * Questions share one long-lived connection to bgpd, whose end is also the notice of its death. Configuration is entered
 * over a connection of its own: whatever goes wrong half way, closing it leaves configuration mode. Each line has its own
 * status, the first that is refused ends the session and is named; afterwards the configuration is read back, because
 * FRR's statuses cannot be trusted in either direction. Route-maps that redistribution uses are evaluated in bgpd, so
 * bgpd alone gets them.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { familyOf, type IpAddress, type Prefix } from '../base/address.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import {
  hasDefaultInstance,
  heldPrefixes,
  holdsRoute,
  isOriginated,
  knowsVrf,
  originatedPrefixes,
  redistributedHosts,
  routerIdOfSummary,
  routerIdOfVrfs,
} from './bgp-state.ts';
import { Deadline } from './deadline.ts';
import { FrrError } from './errors.ts';
import { type BgpPeers, bgpPeers } from './peers.ts';
import { parseRunningConfig } from './running-config.ts';
import { type ConfigCommand, planStanza, redistributionAgain } from './stanza-plan.ts';
import { type AgentView, readStanzas } from './stanza-reader.ts';
import { checkScope, lineKey } from './stanzas.ts';
import type { Frr, Stanza, StanzaScope, ZebraPlace } from './types.ts';
import { VtyLink } from './vty-link.ts';
import { STATUS_OK, STATUS_UNKNOWN_COMMAND, STATUS_WARNING } from './vty-protocol.ts';
import { VtySocket } from './vty-socket.ts';
import { ZebraReturn } from './zebra-return.ts';

/** bgpd answers in under a millisecond, but not while it digests a full table. */
const DEFAULT_TIMEOUT_MS = 10_000;
/** How soon a default instance is noticed that was not there when it was needed (FRR loads it after bgpd is up). */
const INSTANCE_POLL_FIRST_MS = 50;
const INSTANCE_POLL_LAST_MS = 2000;

export interface VtyFrrOptions {
  /** Where the daemons' sockets are, `/run/frr` as a rule. */
  readonly runDir: string;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** For one question or one configuration session. */
  readonly timeoutMs?: number;
}

export class VtyFrr implements Frr {
  readonly #runDir: string;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #bgpd: VtyLink;
  readonly #zebra: ZebraReturn;
  /** Whose stanzas were asked for last. */
  #scope: StanzaScope | undefined;
  readonly #listeners = new Set<(event: 'up' | 'down') => void>();
  readonly #returnListeners = new Set<() => void>();
  /** One configuration session at a time. */
  #lastSession: Promise<unknown> = Promise.resolve();
  #cancelPoll: (() => void) | undefined;
  #closed = false;

  constructor(options: VtyFrrOptions) {
    this.#runDir = options.runDir;
    this.#logger = options.logger;
    this.#clock = options.clock ?? systemClock;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#bgpd = new VtyLink({
      path: this.#path('bgpd'),
      clock: this.#clock,
      logger: this.#logger,
      onChange: (event) => {
        // Callers start anew from here, and so does the search for a default instance.
        this.#cancelPoll?.();
        this.#cancelPoll = undefined;
        this.#emit(event);
      },
    });
    this.#zebra = new ZebraReturn({
      path: this.#path('zebra'),
      clock: this.#clock,
      logger: this.#logger,
      onReturn: () => void this.#zebraReturned(),
    });
  }

  async stanzas(scope: StanzaScope, signal?: AbortSignal): Promise<readonly Stanza[]> {
    checkScope(scope);
    this.#scope = scope;
    return (await this.#view(scope, signal)).stanzas;
  }

  /**
   * What stands is read anew: of `from` only the id counts, for a removal. Throws `FrrError` with code `no-instance`,
   * `as-mismatch` or `conflict` before anything was entered.
   */
  async apply(
    scope: StanzaScope,
    from: Stanza | undefined,
    to: Stanza | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    checkScope(scope);
    const id = (to ?? from)?.id;
    if (id === undefined) return;
    await this.#inSession(() => this.#applyNow(scope, id, to, signal));
  }

  async routerId(signal?: AbortSignal): Promise<IpAddress | undefined> {
    const summary = routerIdOfSummary(await this.#ask('show ip bgp summary json', signal));
    if (summary !== undefined) return summary;
    const vrfs = await this.#ask('show bgp vrfs json', signal);
    if (!hasDefaultInstance(vrfs)) this.#awaitInstance();
    return routerIdOfVrfs(vrfs);
  }

  async peers({ vrf }: Pick<StanzaScope, 'vrf'>, signal?: AbortSignal): Promise<BgpPeers> {
    return bgpPeers(parseRunningConfig(await this.#ask('show running-config', signal)), vrf);
  }

  async zebraRoutes(place: ZebraPlace, signal?: AbortSignal): Promise<readonly Prefix[] | undefined> {
    const which = place.kind === 'main' ? 'kernel ' : vrfWords(place);
    return this.#withSocket('zebra', signal, async (socket, deadline) => {
      const held: Prefix[] = [];
      for (const family of ['ip', 'ipv6']) {
        const text = await query(socket, `show ${family} route ${which}json`, deadline);
        if (!knowsVrf(text)) return undefined;
        held.push(...heldPrefixes(text, place));
      }
      return held;
    });
  }

  async zebraHolds(
    place: ZebraPlace,
    asked: readonly Prefix[],
    signal?: AbortSignal,
  ): Promise<readonly Prefix[] | undefined> {
    return this.#withSocket('zebra', signal, async (socket, deadline) => {
      const held: Prefix[] = [];
      for (const prefix of asked) {
        const family = familyOf(prefix) === 4 ? 'ip' : 'ipv6';
        const text = await query(socket, `show ${family} route ${vrfWords(place)}${prefix} json`, deadline);
        if (!knowsVrf(text)) return undefined;
        held.push(...heldPrefixes(text, place).filter((found) => found === prefix));
      }
      return held;
    });
  }

  /** Renders whole tables in bgpd: for verification, not for every round. */
  async announced(signal?: AbortSignal): Promise<readonly Prefix[]> {
    const ipv4 = await this.#ask('show bgp ipv4 unicast json', signal);
    const ipv6 = await this.#ask('show bgp ipv6 unicast json', signal);
    return [...originatedPrefixes(ipv4), ...originatedPrefixes(ipv6)];
  }

  async orphans(
    scope: StanzaScope,
    id: Stanza['id'],
    except: (prefix: Prefix) => boolean,
    signal?: AbortSignal,
  ): Promise<readonly Prefix[]> {
    checkScope(scope);
    const { stanzas } = await this.#view(scope, signal);
    if (!stanzas.some((stanza) => stanza.id === id)) return [];
    const vrf = id === 'leak' ? `vrf ${scope.vrf} ` : '';
    const taken: Prefix[] = [];
    for (const family of ['ipv4', 'ipv6']) {
      // An empty AS path: a full table of the fabric's would be large.
      taken.push(
        ...redistributedHosts(await this.#ask(`show bgp ${vrf}${family} unicast regexp ^$ json`, signal)),
      );
    }
    const suspects = taken.filter((prefix) => !except(prefix));
    if (suspects.length === 0) return [];
    return this.#withSocket('zebra', signal, async (socket, deadline) => {
      const orphans: Prefix[] = [];
      for (const prefix of suspects) {
        if (!(await zebraHas(socket, vrf, prefix, deadline))) orphans.push(prefix);
      }
      return orphans;
    });
  }

  async heard(
    scope: StanzaScope,
    id: Stanza['id'],
    prefix: Prefix,
    signal?: AbortSignal,
  ): Promise<'yes' | 'no' | 'unknown'> {
    checkScope(scope);
    const { stanzas } = await this.#view(scope, signal);
    if (!stanzas.some((stanza) => stanza.id === id)) return 'unknown';
    const vrf = id === 'leak' ? `vrf ${scope.vrf} ` : '';
    const shown = await this.#ask(`show bgp ${vrf}ipv${familyOf(prefix)} unicast ${prefix} json`, signal);
    if (isOriginated(shown)) return 'yes';
    return this.#withSocket('zebra', signal, async (socket, deadline) =>
      (await zebraHas(socket, vrf, prefix, deadline)) ? 'no' : 'unknown',
    );
  }

  async registerAgain(scope: StanzaScope, signal?: AbortSignal): Promise<void> {
    checkScope(scope);
    await this.#inSession(() => this.#redistributeAgain(scope, signal));
  }

  onZebraReturn(listener: () => void): () => void {
    this.#returnListeners.add(listener);
    return () => this.#returnListeners.delete(listener);
  }

  /**
   * From the first subscription on bgpd is watched. `up` comes when it answers, and once more when its default instance
   * appears after it was found missing.
   */
  subscribe(listener: (event: 'up' | 'down') => void): () => void {
    this.#listeners.add(listener);
    this.#bgpd.watch();
    this.#zebra.watch();
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#returnListeners.clear();
    this.#cancelPoll?.();
    this.#bgpd.close();
    this.#zebra.close();
  }

  #inSession(work: () => Promise<void>): Promise<void> {
    const session = this.#lastSession.then(work, work);
    this.#lastSession = session.catch(() => undefined);
    return session;
  }

  async #zebraReturned(): Promise<void> {
    try {
      const scope = this.#scope;
      if (scope !== undefined) await this.#inSession(() => this.#redistributeAgain(scope, undefined));
    } catch (error) {
      this.#logger.warn(
        { err: error },
        'bgpd could not be made to register its redistribution with the new zebra',
      );
    }
    for (const listener of this.#returnListeners) listener();
  }

  /** Entered again, the lines that stand already make bgpd register with the zebra of now. */
  async #redistributeAgain(scope: StanzaScope, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed) return;
    const { stanzas } = await this.#view(scope, signal);
    const plan = redistributionAgain(stanzas);
    if (plan.length === 0) return;
    const commands = plan.map(({ command }) => command);
    this.#logger.info({ commands }, 'zebra was started anew: bgpd registers its redistribution again');
    await this.#configure(plan, signal, [STATUS_OK, STATUS_WARNING]);
  }

  async #applyNow(
    scope: StanzaScope,
    id: Stanza['id'],
    to: Stanza | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const before = await this.#view(scope, signal);
    if (to !== undefined && before.defaultAs === undefined) this.#awaitInstance();
    const plan = planStanza(before, scope, id, to);
    if (plan.length === 0) return;
    this.#logger.info({ stanza: id, commands: plan.map(({ command }) => command) }, 'configuring FRR');
    await this.#configure(plan, signal);
    const rest = planStanza(await this.#view(scope, signal), scope, id, to);
    if (rest.length > 0) {
      const commands = rest.slice(1, -1).map(({ command }) => command);
      throw new FrrError(
        'not-applied',
        `FRR took every line of the stanza ${id}, but its running configuration still lacks: ${commands.join('; ')}`,
        { stanza: id, commands },
      );
    }
  }

  async #configure(
    plan: readonly ConfigCommand[],
    signal: AbortSignal | undefined,
    fine: readonly number[] = [STATUS_OK],
  ): Promise<void> {
    await this.#withSocket('bgpd', signal, async (socket, deadline) => {
      for (const { context, command } of plan) {
        const reply = await socket.execute(command, deadline);
        if (fine.includes(reply.status)) continue;
        const line = lineKey({ context, line: command });
        const text = reply.text.trim() || `status ${reply.status}`;
        throw new FrrError('rejected', `FRR refused "${line}": ${text}${this.#hint(reply.status)}`, {
          line,
          status: reply.status,
          text,
        });
      }
    });
  }

  /** Newer releases move parts of the configuration from the daemons to mgmtd, one by one. */
  #hint(status: number): string {
    return status === STATUS_UNKNOWN_COMMAND && existsSync(this.#path('mgmtd'))
      ? ' (this FRR has mgmtd, which may own that line here)'
      : '';
  }

  async #view(scope: StanzaScope, signal: AbortSignal | undefined): Promise<AgentView> {
    return readStanzas(parseRunningConfig(await this.#ask('show running-config', signal)), scope);
  }

  async #ask(command: string, signal: AbortSignal | undefined): Promise<string> {
    const deadline = new Deadline(this.#timeoutMs, `bgpd to answer "${command}"`, signal);
    try {
      return await query(await deadline.race(this.#bgpd.socket()), command, deadline.signal);
    } finally {
      deadline.clear();
    }
  }

  async #withSocket<T>(
    daemon: string,
    signal: AbortSignal | undefined,
    use: (socket: VtySocket, deadline: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (this.#closed) throw new FrrError('unreachable', 'the edge to FRR was closed');
    const deadline = new Deadline(this.#timeoutMs, `${daemon} to answer`, signal);
    let socket: VtySocket | undefined;
    try {
      socket = await VtySocket.connect(this.#path(daemon), deadline.signal);
      return await use(socket, deadline.signal);
    } finally {
      deadline.clear();
      socket?.close();
    }
  }

  /** Polls for the default instance and says `up` when it is there. FRR has no notification of it. */
  #awaitInstance(delayMs = INSTANCE_POLL_FIRST_MS): void {
    if (this.#closed || this.#cancelPoll !== undefined || this.#listeners.size === 0) return;
    const poll = async (): Promise<void> => {
      this.#cancelPoll = undefined;
      try {
        if (hasDefaultInstance(await this.#ask('show bgp vrfs json', undefined))) {
          this.#emit('up');
          return;
        }
      } catch (error) {
        this.#logger.debug({ error: String(error) }, 'cannot ask bgpd for its default instance');
      }
      this.#awaitInstance(Math.min(delayMs * 2, INSTANCE_POLL_LAST_MS));
    };
    this.#cancelPoll = this.#clock.after(delayMs, () => void poll());
  }

  #emit(event: 'up' | 'down'): void {
    for (const listener of this.#listeners) listener(event);
  }

  #path(daemon: string): string {
    return join(this.#runDir, `${daemon}.vty`);
  }
}

/** The words of a `show` command that name the VRF; its name was checked as text of the configuration. */
function vrfWords(place: ZebraPlace): string {
  return place.kind === 'main' ? '' : `vrf ${place.vrf} `;
}

/** Whether zebra has a route to the prefix; `vrf`: `vrf NAME ` or nothing. */
async function zebraHas(
  socket: VtySocket,
  vrf: string,
  prefix: Prefix,
  deadline: AbortSignal,
): Promise<boolean> {
  const family = familyOf(prefix) === 4 ? 'ip' : 'ipv6';
  return holdsRoute(await query(socket, `show ${family} route ${vrf}${prefix} json`, deadline), prefix);
}

/** A `show` command; with nothing to show FRR answers a warning, and the text says so. */
async function query(socket: VtySocket, command: string, signal: AbortSignal): Promise<string> {
  const { status, text } = await socket.execute(command, signal);
  // What is said instead of JSON ("% ... not found") is that there is nothing to show.
  if (status === STATUS_WARNING && command.endsWith(' json') && !/^\s*[{[]/.test(text)) return '';
  if (status === STATUS_OK || status === STATUS_WARNING) return text;
  throw new FrrError('rejected', `FRR refused "${command}": ${text.trim() || `status ${status}`}`, {
    line: command,
    status,
    text: text.trim(),
  });
}
