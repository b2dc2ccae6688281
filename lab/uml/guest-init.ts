/**
 * The first program of a guest, and what both sides of the border have to agree on. Pure: options in, script out.
 *
 * The root file system is a directory of the machine, mounted read-only; an overlay in the guest's memory lies over it,
 * so the guest may write everywhere and leaves nothing behind. The project is visible under the path that it has on the
 * machine, read-only and without an overlay: what is built on the machine is there in the guest at once.
 */

/** The network that connects machine and guest: point to point, from a range for documentation (RFC 5737). */
export const LINK = {
  device: 'guest',
  machine: '192.0.2.1',
  guest: '192.0.2.2',
  length: 30,
  port: 7000,
} as const;

/** What the guest says on its console when it takes commands, and before it gives up. */
export const READY_LINE = 'lab-guest: ready';
export const FAILED_LINE = 'lab-guest: failed';

/** Environment of every command in a guest. */
export const GUEST_ENVIRONMENT = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/frr',
  HOME: '/root',
  LC_ALL: 'C',
  TERM: 'dumb',
} as const;

/** Where the boot files are in the guest's root. */
export const BOOT_DIRECTORY = '/lab/boot';

const MODULES = 'openvswitch vport-geneve vrf dummy vxlan geneve 8021q veth tun bridge act_ct';

export interface GuestFiles {
  /** Directories as the kernel, a program in a root of its own, sees them. */
  readonly modules?: string;
  readonly project: string;
  readonly node?: string;
  readonly share?: string;
}

export interface InitOptions {
  readonly name: string;
  /** The project's directory on the machine, and so in the guest. */
  readonly project: string;
  /** Node.js in the guest. */
  readonly node: string;
  /** A directory of the machine that the guest may write to, under the same path. */
  readonly share?: string;
  readonly files: GuestFiles;
}

/** The text of the guest's process 1. It reaps what daemons leave behind, and ends the guest when the server ends. */
export function initScript(options: InitOptions): string {
  const { name, project, node, share, files } = options;
  const mount = (source: string | undefined, target: string, mode: 'ro' | 'rw'): string => {
    if (source === undefined) return '';
    const at = quote(target);
    // The directory is an option with a name where mount(8) uses fsconfig(2), and all of the data of mount(2) before that
    // (util-linux before 2.39, as in bookworm). What the first attempt says stays on the console.
    return `mkdir -p ${at}
mount -t hostfs -o ${mode},hostfs=${quote(source)} hostfs ${at} || mount -t hostfs -o ${mode},${quote(source)} hostfs ${at}`;
  };
  return `#!/bin/bash
export ${Object.entries(GUEST_ENVIRONMENT)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ')}
power_off() { echo o >/proc/sysrq-trigger; sleep 10; }
set -eE
trap 'echo "${FAILED_LINE} (line $LINENO: $BASH_COMMAND)"; power_off' ERR
mount -t proc proc /proc
${mount(files.modules, '/lib/modules', 'ro')}
modprobe --quiet overlay || true
mount -t tmpfs -o mode=755,size=90% lab-guest /lab/over
mkdir /lab/over/upper /lab/over/work /lab/over/root
mount -t overlay -o lowerdir=/,upperdir=/lab/over/upper,workdir=/lab/over/work root /lab/over/root
cd /lab/over/root
pivot_root . lab/old
mount -t proc proc /proc
umount --lazy /lab/old
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /dev/net
mount -t devpts -o ptmxmode=666 devpts /dev/pts
ln -sfn pts/ptmx /dev/ptmx
ln -sfn /proc/self/fd /dev/fd
ln -sfn fd/0 /dev/stdin
ln -sfn fd/1 /dev/stdout
ln -sfn fd/2 /dev/stderr
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/netns
# libuv's rings, forked with the process, bring User Mode Linux 7.2 down: a bad page map, then a panic.
[ ! -e /proc/sys/kernel/io_uring_disabled ] || echo 2 >/proc/sys/kernel/io_uring_disabled
mount -t cgroup2 cgroup /sys/fs/cgroup 2>/dev/null || true
${mount(files.modules, '/lib/modules', 'ro')}
for module in ${MODULES}; do modprobe --quiet $module || true; done
hostname ${quote(name)}
echo '127.0.0.1 localhost ${name}' >/etc/hosts
ip link set lo up
ip address add ${LINK.guest}/${LINK.length} dev vec0
ip link set vec0 up
${mount(files.project, project, 'ro')}
${mount(files.node, '/lab/node', 'ro')}
${mount(files.share, share ?? '', 'rw')}
for cache in .vite .vite-temp; do
  [ ! -d ${quote(project)}/node_modules/$cache ] || mount -t tmpfs tmpfs ${quote(project)}/node_modules/$cache
done
[ ${node} = /usr/bin/node ] || ln -sfn ${node} /usr/local/bin/node
cd /
${node} ${quote(project)}/dist/lab/uml/guest-main.js ${LINK.guest} ${LINK.port} </dev/null &
server=$!
trap - ERR
set +eE
while kill -0 $server 2>/dev/null; do wait -n; done
echo "${FAILED_LINE} (the command channel ended)"
power_off
`;
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
