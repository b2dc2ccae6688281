/** What the node's own OVN consists of, and how it is found to be. Plain data. */

/** The four processes, in the order in which they start. */
export const LOCAL_PROCESSES = ['nb', 'sb', 'northd', 'controller'] as const;
export type LocalProcess = (typeof LOCAL_PROCESSES)[number];

/** Where everything of the node's own OVN is; made from the configuration by `localOvnSettings`. */
export interface LocalOvnSettings {
  /** Chassis of the second ovn-controller and suffix of its keys in `external_ids` (`bgp_chassis_id`). */
  readonly chassis: string;
  /** Where the agent looks for the Northbound database; the databases of others are adopted, never started. */
  readonly nbRemote: string;
  /** Pid files and control sockets, and the Southbound database's socket unless a key says otherwise. */
  readonly runDir: string;
  readonly databaseDir: string;
  readonly logDir: string;
  /** The node's own `Open_vSwitch` database. */
  readonly switchRemote: string;
  /** Run directory of the node's vswitchd. */
  readonly switchRunDir: string;
  /** Devices to the fabric: the bridges that hold them are mapped for the second controller. */
  readonly externalNics: readonly string[];
}

/**
 * - `running`: it is there and answers.
 * - `silent`: the process is there and does not answer (yet).
 * - `absent`: no such process, and nothing answers.
 */
export type ProcessState = 'running' | 'silent' | 'absent';

export interface ProcessStatus {
  readonly name: LocalProcess;
  /** For people: "Northbound database". */
  readonly title: string;
  readonly state: ProcessState;
  /** Unknown where only the answer is seen, as with a database in another network namespace. */
  readonly pid?: number;
  /** `ours`: started by this command; `operator`: by anybody else, and left alone. */
  readonly owner?: 'ours' | 'operator';
  /** The systemd unit that it runs in. */
  readonly unit?: string;
  readonly version?: string;
  /** What it says of itself: `active`, `connected`, ... */
  readonly says?: string;
}

/** What is there, what is wrong, and what `up` would set right. */
export interface LocalOvnStatus {
  readonly processes: readonly ProcessStatus[];
  /** What the operator must do something about, each with what to do. */
  readonly problems: readonly string[];
  /** What `up` would do. */
  readonly missing: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  /** The second controller's keys, without the suffix. */
  readonly keys: Readonly<Record<string, string>>;
}

/** Started or not, no process of this command is without it: how its own are told from the operator's. */
export const OWNER_VARIABLE = 'OVN_BGP_AGENT_LOCAL_OVN';
