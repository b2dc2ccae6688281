/** The entry point's wiring: the real edges of a node, made from the configuration. */
import { whenSnapshot } from '../agent/when-snapshot.ts';
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import { VtyFrr } from '../frr/vty-frr.ts';
import { type LocalCluster, openLocalCluster } from '../localnb/local-cluster.ts';
import { openRtnetlink } from '../netlink/index.ts';
import type { NodeEdge } from '../node/edge.ts';
import { systemNames } from '../node/name-lookup.ts';
import { SystemNodeFiles } from '../node/node-files.ts';
import { openVswitch } from '../openvswitch/vswitch.ts';

export interface OpenEdge extends NodeEdge {
  /** Resolves when the node's own OVN was read, when the node has none, or after that time: it may be down. */
  whenLocalOvnIsKnown(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

export function openEdges(config: AgentConfig, log: Logger): OpenEdge {
  const netlink = openRtnetlink();
  const frr = new VtyFrr({ runDir: config.frrRunDir, logger: log });
  const ovs = openVswitch({
    remote: config.ovsdbConnection,
    runDir: config.ovsRunDir,
    ofctlPath: config.ovsOfctlPath,
    logger: log,
  });
  const { ovnNbConnection, bgpChassisId } = config.localOvnCluster;
  const localOvn = openLocalCluster({ remote: ovnNbConnection, logger: log });
  if (config.exposingMethod === 'ovn') localOvn.start();
  // With another method only what that one left matters, and where the node has no such cluster there is nothing to ask.
  const isThere = (): boolean => ovs.snapshot()?.externalIds.has(`ovn-remote-${bgpChassisId}`) === true;
  const unsubscribe = ovs.subscribe(() => {
    if (isThere()) localOvn.start();
  });
  return {
    netlink,
    frr,
    ovs,
    files: new SystemNodeFiles({ rtTablesPath: config.rtTablesPath }),
    localOvn,
    names: systemNames,
    whenLocalOvnIsKnown: async (timeoutMs) => {
      const limit = AbortSignal.timeout(timeoutMs);
      try {
        await whenSnapshot(ovs, limit);
        if (config.exposingMethod !== 'ovn' && !isThere()) return;
        localOvn.start();
        await untilKnown(localOvn, limit);
      } catch (error) {
        if (!limit.aborted) throw error;
      }
    },
    close: async () => {
      unsubscribe();
      await localOvn.close();
      frr.close();
      await ovs.close();
      netlink.close();
    },
  };
}

function untilKnown(localOvn: LocalCluster, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (localOvn.snapshot() !== undefined) {
      resolve();
      return;
    }
    const end = localOvn.subscribe(() => {
      end();
      resolve();
    });
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
