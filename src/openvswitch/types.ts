/** The node's own Open vSwitch as the agent sees it: what vswitchd says of bridges and ports, and the flows. */
import type { IpAddress, MacAddress } from '../base/address.ts';
import type { DatabaseTrouble } from '../base/database-trouble.ts';

export interface OvsPort {
  readonly name: string;
  /** `Interface.type`: "" (system), "internal", "patch", ... */
  readonly type: string;
  readonly tag: number | undefined;
  /** OpenFlow port number; absent while vswitchd has not opened it. */
  readonly ofport: number | undefined;
  readonly externalIds: ReadonlyMap<string, string>;
  /** `Interface.link_state`: the carrier as vswitchd sees it; absent while it does not say. */
  readonly linkUp?: boolean;
  /** `Interface.options:remote_ip` of a tunnel: where the other end is; absent where flows say it. */
  readonly tunnelTo?: IpAddress;
}

export interface OvsBridge {
  readonly name: string;
  readonly datapathType: string;
  /** By port name. */
  readonly ports: ReadonlyMap<string, OvsPort>;
}

/** A consistent picture of the local `Open_vSwitch` database; a new object for every change. */
export interface OvsSnapshot {
  readonly systemId: string | undefined;
  /** `external_ids:hostname`. */
  readonly hostname: string | undefined;
  readonly bridgeMappings: string;
  /** `external_ids:ovn-bridge`, `br-int` where it is unset: the bridge that the cloud's ovn-controller works on. */
  readonly integrationBridge: string;
  readonly ovnRemote: string | undefined;
  readonly ovnNbRemote: string | undefined;
  readonly bridges: ReadonlyMap<string, OvsBridge>;
  /** All of `Open_vSwitch:external_ids`: a second ovn-controller has keys of its own there. */
  readonly externalIds: ReadonlyMap<string, string>;
}

/** A static entry of a bridge's MAC table that sends an address to the bridge's own port. */
export interface StaticFdbEntry {
  readonly mac: MacAddress;
  /** 0: untagged. */
  readonly vlan: number;
}

/**
 * A flow of table 0 in the spelling of `ovs-ofctl dump-flows --no-stats` (canonical: what is written reads back
 * equal). `cookie` is the agent's.
 */
export interface Flow {
  readonly cookie: number;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
}

export interface FlowChange {
  readonly op: 'add' | 'remove';
  readonly flow: Flow;
}

/** Cookie of every flow the agent and its Python predecessor write (0x3e7). */
export const AGENT_COOKIE = 999;

/** Priorities of the agent's flows in table 0. */
export const FLOW_PRIORITIES = [900, 1000, 1050, 1100] as const;
export type FlowPriority = (typeof FLOW_PRIORITIES)[number];

/** `external_ids` key that marks ports the agent made. */
export const PORT_OWNER_KEY = 'ovn-bgp-agent';

/** The edge to the local vswitchd: one real implementation (`vswitch.ts`), one fake for tests. */
export interface OpenVSwitch {
  /** The last complete picture; `undefined` before the first and never emptied by a lost connection. */
  snapshot(): OvsSnapshot | undefined;
  /** Why its database cannot be read now; absent or `undefined`: it can, or nothing is known yet. */
  trouble?(): DatabaseTrouble | undefined;
  /** Flows of table 0 with the agent's cookie; a bridge that does not exist has none. */
  flows(bridge: string, signal?: AbortSignal): Promise<readonly Flow[]>;
  /**
   * The same, and flows of others in table 0 at priorities of the agent's: adding a flow replaces one of the same priority
   * and match, whoever made it.
   */
  flowPlaces(bridge: string, signal?: AbortSignal): Promise<readonly Flow[]>;
  /** One OpenFlow bundle: all or nothing. Throws an `OvsError` naming the bridge and ovs-ofctl's text. */
  applyFlows(bridge: string, changes: readonly FlowChange[], signal?: AbortSignal): Promise<void>;
  /**
   * Adds a tagged internal port (or corrects tag and MAC of ours) and waits until vswitchd has made its device.
   * Marked with `external_ids:ovn-bgp-agent=vlan`.
   */
  ensureInternalPort(
    bridge: string,
    port: { readonly name: string; readonly tag: number; readonly mac: string },
    signal?: AbortSignal,
  ): Promise<void>;
  removePort(bridge: string, port: string, signal?: AbortSignal): Promise<void>;
  /** Static entries on the bridge's own port; a bridge that does not exist has none. */
  staticFdb(bridge: string, signal?: AbortSignal): Promise<readonly StaticFdbEntry[]>;
  addStaticFdb(bridge: string, entry: StaticFdbEntry, signal?: AbortSignal): Promise<void>;
  removeStaticFdb(bridge: string, entry: StaticFdbEntry, signal?: AbortSignal): Promise<void>;
  /** `database`: rows changed (a new snapshot); `flows`: flows of a bridge changed or can no longer be trusted. */
  subscribe(
    listener: (
      event: { readonly kind: 'database' } | { readonly kind: 'flows'; readonly bridge: string },
    ) => void,
  ): () => void;
  /** Bridges whose flows are watched. */
  watchFlows(bridges: readonly string[]): void;
  close(): Promise<void>;
}
