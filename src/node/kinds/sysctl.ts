/**
 * Settings below /proc/sys. They cannot be marked and tell nobody when they change: they are never taken back (those of
 * a device of ours go with it), and are read again whenever their device changes: those of the handover devices, and what was
 * written or found before and is still there.
 */
import type { ObservedObject, SysctlObject } from '../objects.ts';
import { isHandoverDevice } from '../ownership.ts';
import { failureOf, type Kind, type View } from './kind.ts';

/** What wiring may want of a handover device; read also before anybody asked, so that a restart finds them right. */
const DEVICE_SETTINGS = ['net/ipv4/conf/*/proxy_arp', 'net/ipv6/conf/*/proxy_ndp'];

/** What keeps the kernel from answering on a NIC that belongs to a bridge. */
const FABRIC_SETTINGS = ['net/ipv4/conf/*/arp_ignore', 'net/ipv6/conf/*/disable_ipv6'];

export const sysctlKind: Kind<SysctlObject> = {
  kind: 'sysctl',
  concern: 'kernel',
  selfContained: true,
  unannounced: true,
  readWhenWanted: true,
  same: (a, b) => a.value === b.value,
  describe: ({ path, value }) => `sysctl ${path} = ${value}`,
  read: async (view, signal) => {
    const found: ObservedObject[] = [];
    for (const path of pathsToRead(view)) {
      signal?.throwIfAborted();
      const value = await view.edge.files.readSysctl(path);
      if (value !== undefined) found.push({ object: { kind: 'sysctl', path, value }, owned: false });
    }
    return found;
  },
  write: async ({ edge }, writes, signal) => {
    const results = [];
    for (const { object } of writes) {
      signal?.throwIfAborted();
      results.push(
        await edge.files
          .writeSysctl(object.path, object.value)
          .catch((error: unknown) => failureOf(error, true)),
      );
    }
    return results.map((result) => result ?? undefined);
  },
  written: (object) => ({ object, owned: false }),
};

/** The device that a setting belongs to: `net/ipv4/conf/br-ex.100/proxy_arp`. */
export function sysctlDevice(path: string): string | undefined {
  return /^net\/ipv[46]\/(?:conf|neigh)\/([^/]+)\//.exec(path)?.[1];
}

function pathsToRead(view: View): Set<string> {
  const paths = new Set<string>();
  for (const { object } of view.believed.of('sysctl').values())
    if (object.kind === 'sysctl') paths.add(object.path);
  for (const { name } of view.devices.all()) {
    const fabric = view.scope.fabricDevices?.includes(name) === true;
    const settings = isHandoverDevice(view.scope, name) ? DEVICE_SETTINGS : fabric ? FABRIC_SETTINGS : [];
    for (const setting of settings) paths.add(setting.replace('*', name));
  }
  return paths;
}
