/** Settings of the node's own OVN from the agent's configuration. Pure. */
import type { AgentConfig } from '../config/types.ts';
import type { LocalOvnSettings } from './types.ts';

/** The directory of the ovn packages: their log rotation covers it. */
const LOG_DIRECTORY = '/var/log/ovn';

export function localOvnSettings(config: AgentConfig): LocalOvnSettings {
  const local = config.localOvnCluster;
  return {
    chassis: local.bgpChassisId,
    nbRemote: local.ovnNbConnection,
    runDir: local.runDir,
    databaseDir: local.databaseDir,
    logDir: LOG_DIRECTORY,
    switchRemote: config.ovsdbConnection,
    switchRunDir: config.ovsRunDir,
    externalNics: local.externalNics,
  };
}
