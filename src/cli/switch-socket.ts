/**
 * The one place of the local Open_vSwitch database, for programs that take no list of them (ovn-controller): of several that
 * may be it, the first whose socket exists.
 */
import { existsSync } from 'node:fs';
import type { AgentConfig } from '../config/types.ts';

export function withOneSwitchRemote(config: AgentConfig): AgentConfig {
  const [first = '', ...rest] = config.ovsdbConnection.split(',');
  const found = [first, ...rest].find(
    (remote) => remote.startsWith('unix:') && existsSync(remote.slice('unix:'.length)),
  );
  return { ...config, ovsdbConnection: found ?? first };
}
