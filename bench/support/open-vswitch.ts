/**
 * A vswitchd with the userspace datapath in a namespace: bridge br-ex with a patch port to br-int, as on a node of OVN.
 *
 * In: a namespace, an empty directory for its sockets, its database, and what `external_ids` are to say beside the usual.
 * Out: a bridge that answers.
 */
import { existsSync } from 'node:fs';
import type { OvsdbServer } from '../../test/support/ovsdb-server.ts';
import { until } from '../../test/support/until.ts';
import { LOCALNET, PHYSICAL_NETWORK } from './cloud.ts';
import type { Namespace } from './namespace.ts';

export const BRIDGE = 'br-ex';
const PATCH = `patch-${LOCALNET}-to-br-int`;
const PEER = `patch-br-int-to-${LOCALNET}`;

export async function startSwitch(
  place: Namespace,
  directory: string,
  database: OvsdbServer,
  externalIds: Readonly<Record<string, string>>,
): Promise<void> {
  const settings = { ...externalIds, 'ovn-bridge-mappings': `${PHYSICAL_NETWORK}:${BRIDGE}` };
  const ids = Object.entries(settings).map(([name, value]) => `external_ids:${name}="${value}"`);
  const threads = ['other_config:n-handler-threads=1', 'other_config:n-revalidator-threads=1'];
  const vsctl = (...words: readonly string[]): Promise<string> =>
    place.exec('ovs-vsctl', `--db=${database.remote}`, '--timeout=20', ...words);
  await vsctl('--no-wait', 'init', '--', 'set', 'Open_vSwitch', '.', ...ids, ...threads);
  place.daemon(
    'env',
    `OVS_RUNDIR=${directory}`,
    'ovs-vswitchd',
    database.remote,
    `--unixctl=${directory}/vswitchd.ctl`,
    `--log-file=${directory}/vswitchd.log`,
    '-vconsole:off',
    '-vsyslog:off',
  );
  const commands = [
    ...[BRIDGE, 'br-int'].flatMap((name) => [
      `add-br ${name}`,
      `set Bridge ${name} datapath_type=netdev fail_mode=standalone`,
    ]),
    `add-port ${BRIDGE} ${PATCH}`,
    `set Interface ${PATCH} type=patch options:peer=${PEER}`,
    `add-port br-int ${PEER}`,
    `set Interface ${PEER} type=patch options:peer=${PATCH}`,
  ];
  await vsctl(...commands.join(' -- ').split(' '));
  await until('the bridge answers', () => existsSync(`${directory}/${BRIDGE}.mgmt`));
}
