/**
 * The programs that the lab and the tests run, installed from Debian's packages where they are missing.
 *
 * While apt-get works, a policy-rc.d(8) keeps every service from being started; what stood there before is put back
 * afterwards, also after a failure or an interrupt. Off Debian the missing programs are named and nothing is touched.
 */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { isDebian } from './machine.mjs';
import { capture, ENVIRONMENT, Failure, step, tail } from './process.mjs';

/** A file that shows that the package is there. */
const NEEDED = [
  ['/usr/lib/frr/bgpd', 'frr'],
  ['/usr/lib/frr/frr-reload.py', 'frr-pythontools'],
  ['/usr/sbin/ovs-vswitchd', 'openvswitch-switch'],
  ['/usr/bin/ovn-northd', 'ovn-central'],
  ['/usr/bin/ovn-controller', 'ovn-host'],
  ['/sbin/ip', 'iproute2'],
  ['/bin/ping', 'iputils-ping'],
  ['/usr/sbin/ethtool', 'ethtool'],
  ['/usr/bin/tcpdump', 'tcpdump'],
  ['/usr/bin/ps', 'procps'],
  ['/usr/bin/gcc', 'gcc'],
  ['/usr/include/stdio.h', 'libc6-dev'],
  ['/usr/bin/openssl', 'openssl'],
];

/** What root file systems are made with. */
export const GUEST_TOOLS = [
  ['/usr/sbin/debootstrap', 'debootstrap'],
  ['/usr/share/keyrings/debian-archive-keyring.gpg', 'debian-archive-keyring'],
];

const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_BACKUP = `${POLICY}.before-ovn-bgp-agent`;
const POLICY_TEXT =
  '#!/bin/sh\n# Written for the time of one apt-get by scripts/run.mjs of ovn-bgp-agent.\nexit 101\n';

export async function installDebianPackages(more = []) {
  const needed = [...NEEDED, ...more];
  const missing = needed.filter(([file]) => !existsSync(file));
  if (missing.length === 0) return;
  const packages = missing.map(([, name]) => name);
  if (!isDebian()) {
    const files = missing.map(([file]) => file).join(', ');
    throw new Failure(
      `missing: ${files}\nThis is not Debian; install what Debian has as ${packages.join(' ')} by other means.`,
    );
  }
  await step(`installing Debian packages without starting services: ${packages.join(' ')}`, () =>
    withoutServices(() => install(packages)),
  );
  const still = needed.filter(([file]) => !existsSync(file));
  if (still.length > 0) {
    throw new Failure(`after the installation there is still no ${still.map(([file]) => file).join(', ')}`);
  }
}

async function install(packages) {
  // Only with lists that know the packages can apt-get plan the installation.
  const plan = await aptGet(['install', '--simulate', '--no-install-recommends', ...packages]);
  if (plan.code !== 0) await updateLists();
  const install = () => aptGet(['install', '--yes', '--no-install-recommends', ...packages]);
  let result = await install();
  if (result.code !== 0 && /404 +Not Found|Failed to fetch/.test(result.output)) {
    // The lists are older than the mirror.
    await updateLists();
    result = await install();
  }
  if (result.code !== 0) throw new Failure(`apt-get could not install the packages:\n${tail(result.output)}`);
}

async function updateLists() {
  const { code, output } = await aptGet(['update']);
  if (code !== 0) throw new Failure(`apt-get update failed, is a Debian mirror reachable?\n${tail(output)}`);
}

function aptGet(args) {
  const options = ['-o', 'DPkg::Lock::Timeout=180', '-o', 'Dpkg::Use-Pty=0', '-q'];
  return capture('apt-get', [...options, ...args], { ...ENVIRONMENT, DEBIAN_FRONTEND: 'noninteractive' });
}

async function withoutServices(work) {
  const restore = () => {
    if (existsSync(POLICY) && readFileSync(POLICY, 'utf8') === POLICY_TEXT) rmSync(POLICY);
    if (existsSync(POLICY_BACKUP) && !existsSync(POLICY)) renameSync(POLICY_BACKUP, POLICY);
  };
  // Left by a run that was killed.
  restore();
  if (existsSync(POLICY)) renameSync(POLICY, POLICY_BACKUP);
  writeFileSync(POLICY, POLICY_TEXT, { mode: 0o755 });
  const interrupted = () => {
    restore();
    process.exit(130);
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    return await work();
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    restore();
  }
}
