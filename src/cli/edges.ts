/** The entry point's wiring: the real edges of a node, made from the configuration. */
import type { Logger } from '../base/logger.ts';
import type { AgentConfig } from '../config/types.ts';
import { VtyFrr } from '../frr/vty-frr.ts';
import { openRtnetlink } from '../netlink/index.ts';
import type { NodeEdge } from '../node/edge.ts';
import { SystemNodeFiles } from '../node/node-files.ts';
import { openVswitch } from '../openvswitch/vswitch.ts';

export interface OpenEdge extends NodeEdge {
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
  return {
    netlink,
    frr,
    ovs,
    files: new SystemNodeFiles({ rtTablesPath: config.rtTablesPath }),
    close: async () => {
      frr.close();
      await ovs.close();
      netlink.close();
    },
  };
}
