/**
 * A whole node in memory: kernel, vswitchd, FRR and files, tied together where the real ones are. A bridge or an internal
 * port of the vswitchd is a device of the kernel, and goes with it.
 */
import { FakeFrr } from '../frr/fake-frr.ts';
import type { FakeLocalOvn } from '../localnb/fake-local-ovn.ts';
import { FakeOpenVSwitch } from '../openvswitch/fake-open-vswitch.ts';
import type { NodeEdge } from './edge.ts';
import { FakeNodeFiles } from './fake-node-files.ts';
import { FakeRtnetlink, type FakeRtnetlinkOptions } from './fake-rtnetlink.ts';

export class FakeNode implements NodeEdge {
  readonly netlink: FakeRtnetlink;
  readonly ovs = new FakeOpenVSwitch({});
  readonly frr = new FakeFrr();
  readonly files: FakeNodeFiles;
  readonly localOvn?: FakeLocalOvn;

  constructor(options: FakeRtnetlinkOptions & { readonly localOvn?: FakeLocalOvn } = {}) {
    this.netlink = new FakeRtnetlink(options);
    if (options.localOvn !== undefined) this.localOvn = options.localOvn;
    this.files = new FakeNodeFiles((name) => this.netlink.linkNamed(name) !== undefined);
    this.netlink.onDevice((name, gone) => {
      if (gone) this.files.forgetDevice(name);
    });
    this.ovs.subscribe((event) => {
      if (event.kind === 'database') this.#makeDevices();
    });
  }

  /** Writes of every kind that the caller made so far. */
  writes(): number {
    return (
      this.netlink.log.length +
      this.files.log.length +
      this.frr.applied.length +
      this.ovs.bundles.length +
      this.ovs.portChanges.length +
      this.ovs.fdbChanges.length +
      (this.localOvn?.database.log.length ?? 0)
    );
  }

  #makeDevices(): void {
    const wanted = new Map<string, string | undefined>();
    for (const bridge of this.ovs.snapshot()?.bridges.values() ?? []) {
      wanted.set(bridge.name, undefined);
      for (const port of bridge.ports.values()) {
        if (port.type === 'internal') wanted.set(port.name, this.ovs.macOf(port.name));
      }
    }
    for (const [name, mac] of wanted) {
      const held = this.netlink.linkNamed(name);
      if (held?.kind === 'openvswitch' && mac !== undefined && held.mac !== mac) {
        this.netlink.foreign({ type: 'link', op: 'delete', link: { name } });
      }
      if (this.netlink.linkNamed(name) !== undefined) continue;
      this.netlink.addLink({ name, kind: 'openvswitch', ...(mac === undefined ? {} : { mac }) });
    }
    for (const { name, kind } of this.netlink.allLinks()) {
      if (kind === 'openvswitch' && !wanted.has(name)) {
        this.netlink.foreign({ type: 'link', op: 'delete', link: { name } });
      }
    }
  }
}
