/** Makes the configuration that the rooms get from the checked values of the options. Pure. */
import { join } from 'node:path';
import { type OptionValues, optionSpec } from './options.ts';
import { resolveOptions } from './resolve.ts';
import type { AgentConfig, LocalOvnClusterConfig } from './types.ts';

/** Name of the log file in `log_dir` when `log_file` is not set: that of the program, as the Python agent does. */
const DEFAULT_LOG_FILE = 'ovn-bgp-agent.log';

export function assembleConfig(values: OptionValues): AgentConfig {
  return {
    driver: values.driver,
    cms: values.cms,
    exposingMethod: values.exposingMethod,
    advertiseVia: values.advertiseVia,
    vlanHandover: values.vlanHandover,
    reconcileIntervalSec: values.reconcileInterval,
    frrReconcileIntervalSec: values.frrReconcileInterval,
    ovsdbConnection: values.ovsdbConnection ?? switchSockets(values.ovsRunDir),
    ovsdbConnectionTimeoutSec: values.ovsdbConnectionTimeout,
    bgpAs: values.bgpAs,
    bgpRouterId: values.bgpRouterId,
    bgpNic: values.bgpNic,
    bgpVrf: values.bgpVrf,
    bgpVrfTableId: values.bgpVrfTableId,
    clearVrfRoutesOnStartup: values.clearVrfRoutesOnStartup,
    ovnNbConnection: values.ovnNbConnection,
    ovnSbConnection: values.ovnSbConnection,
    ovnNbTls: {
      privateKey: values.ovnNbPrivateKey,
      certificate: values.ovnNbCertificate,
      caCert: values.ovnNbCaCert,
    },
    ovnSbTls: {
      privateKey: values.ovnSbPrivateKey,
      certificate: values.ovnSbCertificate,
      caCert: values.ovnSbCaCert,
    },
    excludedPhysicalNetworks: values.excludedPhysicalNetworks,
    allowedPrefixes: values.allowedPrefixes,
    proxyNdpAddresses: values.proxyNdpAddresses,
    communities: values.communities,
    meds: values.meds,
    exposeUnmarked: values.exposeUnmarked,
    exposeExternalPorts: values.exposeExternalPorts,
    exposeOfflineLoadBalancers: values.exposeOfflineLoadBalancers,
    migrationGraceSec: values.migrationGrace,
    withdrawGuardPercent: values.withdrawGuardPercent,
    withdrawGuardMinimum: values.withdrawGuardMinimum,
    withdrawGuardHoldSec: values.withdrawGuardHold,
    tenant: {
      exposeNetworks: values.exposeTenantNetworks,
      exposeIpv6Gua: values.exposeIpv6GuaTenantNetworks,
      advertisementMethod: values.advertisementMethodTenantNetworks,
      requireSnatDisabled: values.requireSnatDisabledForTenantNetworks,
      addressScopes: values.addressScopes,
    },
    evpn: {
      localIp: values.evpnLocalIp,
      nic: values.evpnNic,
      udpDstPort: values.evpnUdpDstport,
      deleteVrfOnDisconnect: values.deleteVrfOnDisconnect,
    },
    localOvnCluster: localOvnCluster(values),
    frrRunDir: values.frrRunDir,
    ovsRunDir: values.ovsRunDir,
    ovsOfctlPath: values.ovsOfctl,
    rtTablesPath: values.rtTables,
    logLevel: values.debug ? 'debug' : values.logLevel,
    logFile: logFile(values.logDir, values.logFile),
  };
}

/** Where distributions, OVS as it is built by default, and this node's configuration have the socket of the switch. */
function switchSockets(ovsRunDir: string): string {
  const directories = [
    ovsRunDir,
    '/run/openvswitch',
    '/var/run/openvswitch',
    '/usr/local/var/run/openvswitch',
  ];
  return [...new Set(directories.map((directory) => `unix:${join(directory, 'db.sock')}`))].join(',');
}

function localOvnCluster(values: OptionValues): LocalOvnClusterConfig {
  const shape =
    values.localShape === 'auto'
      ? values.localPeerIps.length > 0
        ? 'compatible'
        : 'host-routes'
      : values.localShape;
  // Without configured peers there is nobody to have a session with.
  const bfd = values.localBfd === 'auto' ? shape === 'compatible' : values.localBfd === 'on';
  return {
    ovnNbConnection: values.localNbConnection,
    externalNics: values.localExternalNics,
    peerIps: values.localPeerIps,
    providerNetworksPoolPrefixes: values.localPoolPrefixes,
    bgpChassisId: values.localBgpChassisId,
    runDir: values.localRunDir,
    databaseDir: values.localDatabaseDir,
    shape,
    bfd: bfd && values.localPeerIps.length > 0,
    arpProxy: values.localArpProxy,
  };
}

function logFile(directory: string | undefined, file: string | undefined): string | undefined {
  if (directory === undefined) return file;
  if (file?.startsWith('/') === true) return file;
  return join(directory, file ?? DEFAULT_LOG_FILE);
}

/** The configuration without any file, with some of it replaced; for tests. */
export function defaultConfig(changes: Partial<AgentConfig> = {}): AgentConfig {
  const resolution = resolveOptions((id) => ({
    text: optionSpec(id).default,
    origin: { kind: 'default' },
  }));
  if (resolution.values === undefined) {
    throw new TypeError(`the option table has wrong defaults: ${resolution.problems.join('; ')}`);
  }
  return { ...assembleConfig(resolution.values), ...changes };
}
