/**
 * What the guests are made of: a root file system for each Debian suite, and the User Mode Linux kernel. Pure.
 *
 * A recipe is a shell script together with what it is given. Its hash is part of the directory's name in the cache, so a
 * changed recipe makes a new directory and an old one is never taken for it. Packages come from Debian's mirror and are
 * verified by apt and debootstrap with the machine's archive keyring; nothing of the machine's own apt is touched.
 */
import { createHash } from 'node:crypto';

export const SUITES = ['trixie', 'sid', 'bookworm'] as const;
export type Suite = (typeof SUITES)[number];
export const DEFAULT_SUITE: Suite = 'trixie';

export const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
export const DEFAULT_CACHE = '/var/cache/ovn-bgp-agent-lab';
/** The package `debian-archive-keyring` of Debian 12 knows the keys of all three suites. */
export const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface Recipe {
  /** Directory in the cache. */
  readonly name: string;
  /** For people: what this makes, and what it costs. */
  readonly title: string;
  /** Runs with `set -e`; `$1` is the directory to fill, the rest are `parameters`. Lines `== TEXT` on fd 3 are progress. */
  readonly script: string;
  readonly parameters: readonly string[];
}

/** Whether the suite's own Node.js is new enough for the project; else guests run the machine's. */
export function hasNode(suite: Suite): boolean {
  return OWN_PACKAGES[suite].includes('nodejs');
}

const PACKAGES = [
  'ethtool',
  'frr',
  'frr-pythontools',
  'iproute2',
  'iputils-ping',
  'kmod',
  'openssl',
  'openvswitch-switch',
  'ovn-central',
  'ovn-host',
  'procps',
  'tcpdump',
] as const;

/** What a suite calls for beyond that: `pivot_root` left util-linux after trixie; bookworm's Node.js is too old. */
const OWN_PACKAGES: Readonly<Record<Suite, readonly string[]>> = {
  trixie: ['nodejs'],
  sid: ['nodejs', 'util-linux-extra'],
  bookworm: [],
};

/** Mount points that the guest's first program needs in a root it cannot write to. */
const MOUNT_POINTS = ['lab/boot', 'lab/over', 'lab/old', 'lab/node', 'lib/modules'] as const;

// The machine's own settings for reaching a mirror (proxy, retries, frozen mirrors) hold for the guest's packages, too.
const ROOT_SCRIPT = `
root=$1 suite=$2 mirror=$3 keyring=$4 packages=$5 points=$6
acquire=$(apt-config dump | grep -E '^Acquire::(http|https|Retries|ForceIPv|Check-)' || true)
proxy=$(printf '%s\\n' "$acquire" | sed -n 's/^Acquire::http::Proxy "\\(.*\\)";$/\\1/p')
[ -z "$proxy" ] || export http_proxy="$proxy"
echo "== base system of $suite (debootstrap)" >&3
debootstrap --variant=minbase --force-check-gpg --keyring="$keyring" "$suite" "$root" "$mirror"
echo "== package lists" >&3
printf '#!/bin/sh\\nexit 101\\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
printf '%s\\n' force-unsafe-io 'path-exclude=/usr/share/doc/*' 'path-exclude=/usr/share/man/*' \\
  'path-exclude=/usr/share/locale/*' 'path-exclude=/usr/share/info/*' >"$root/etc/dpkg/dpkg.cfg.d/lab"
printf '%s\\n' 'APT::Install-Recommends "false";' 'Acquire::Languages "none";' "$acquire" >"$root/etc/apt/apt.conf.d/99lab"
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/var/cache/apt/archives"
chroot "$root" apt-get update
echo "== packages: $packages" >&3
chroot "$root" apt-get install --yes --no-install-recommends $packages
echo "== tidying up" >&3
umount "$root/proc" "$root/var/cache/apt/archives"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/{apt,debconf}/* "$root"/var/log/*.log "$root"/usr/share/{doc,man,locale,info}/*
for point in $points; do mkdir -p "$root/$point"; done
`;

// The kernel is a program of the machine, linked against a newer libc than Debian 12's: it brings its own.
const KERNEL_SCRIPT = `
kernel=$1 suite=$2 mirror=$3 keyring=$4 packages=$5
apt=$kernel/apt
mkdir -p "$apt"/lists/partial "$apt"/archives/partial
echo "deb [signed-by=$keyring] $mirror $suite main" >"$apt/sources.list"
private() {
  apt-get -o Dir::State="$apt" -o Dir::State::lists="$apt/lists" -o Dir::State::status=/dev/null -o Dir::Cache="$apt" \\
    -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null \\
    -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User=root -o APT::Update::Post-Invoke-Success::= "$@"
}
echo "== package lists of $suite, apart from the machine's" >&3
private update
echo "== packages: $packages" >&3
cd "$apt/archives"
private download $packages
for package in *.deb; do dpkg-deb --extract "$package" "$kernel"; done
cd /
rm -rf "$apt" "$kernel"/usr/share
mkdir -p "$kernel/lib64"
[ -e "$kernel/lib64/ld-linux-x86-64.so.2" ] || ln -s ../usr/lib64/ld-linux-x86-64.so.2 "$kernel/lib64/ld-linux-x86-64.so.2"
`;

/** `extra` is what only some guests need: such a root is one of its own in the cache, and the usual one stays small. */
export function rootRecipe(suite: Suite, mirror: string, extra: readonly string[] = []): Recipe {
  const packages = [...PACKAGES, ...OWN_PACKAGES[suite], ...extra].sort((a, b) => (a < b ? -1 : 1));
  return recipe(suite, `root file system of Debian ${suite}`, ROOT_SCRIPT, [
    suite,
    mirror,
    KEYRING,
    packages.join(' '),
    MOUNT_POINTS.join(' '),
  ]);
}

/** From sid: its kernel has the seccomp mode, in which system calls cost a third. */
export function kernelRecipe(mirror: string): Recipe {
  return recipe('kernel', 'User Mode Linux of Debian sid', KERNEL_SCRIPT, [
    'sid',
    mirror,
    KEYRING,
    'user-mode-linux libc6',
  ]);
}

function recipe(name: string, title: string, script: string, parameters: readonly string[]): Recipe {
  const hash = createHash('sha256')
    .update(JSON.stringify([script, parameters]))
    .digest('hex');
  return { name: `${name}-${hash.slice(0, 12)}`, title, script, parameters };
}
