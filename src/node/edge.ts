/**
 * What the node consists of: the kernel, the local vswitchd, FRR, two places in the file system, and perhaps an OVN of its own.
 *
 * Each is one narrow interface with a real implementation and a fake (`fake-node.ts` puts the fakes together).
 */
import type { Frr } from '../frr/types.ts';
import type { LocalOvn } from '../localnb/types.ts';
import type { Rtnetlink } from '../netlink/types.ts';
import type { OpenVSwitch } from '../openvswitch/types.ts';
import type { NameLookup } from './name-lookup.ts';

export interface RtTableEntry {
  readonly number: number;
  readonly name: string;
}

/** /proc/sys and /etc/iproute2/rt_tables. Failures are `NodeFileError`s that name the file. */
export interface NodeFiles {
  /** The trimmed value; `undefined` when there is no such setting (its device does not exist). */
  readSysctl(path: string): Promise<string | undefined>;
  writeSysctl(path: string, value: string): Promise<void>;
  /** Entries in the order of the file; none when it does not exist. */
  readRtTables(): Promise<readonly RtTableEntry[]>;
  /** The text of /proc/net/netlink: who listens to the kernel's news; `undefined` where it cannot be read. Does not wait. */
  readNetlinkListeners(): string | undefined;
  /**
   * What every file that names routing tables says: rt_tables first, then rt_tables.d and the distribution's files. A number
   * with a name is somebody's.
   */
  readTableNames(): Promise<readonly RtTableEntry[]>;
  /** Takes out all lines with a name of `remove`, then appends `add`; every other line stays byte for byte. */
  editRtTables(edit: {
    readonly add: readonly RtTableEntry[];
    readonly remove: readonly string[];
  }): Promise<void>;
}

export interface NodeEdge {
  readonly netlink: Rtnetlink;
  readonly ovs: OpenVSwitch;
  readonly frr: Frr;
  readonly files: NodeFiles;
  /** The node's own OVN cluster; absent: nothing of this node has to do with one. */
  readonly localOvn?: LocalOvn;
  /** The resolver, for databases that are given by name; absent: such names stay unknown. */
  readonly names?: NameLookup;
}
