/**
 * The program that a guest runs in on the machine: namespaces, a small root for the kernel, and the kernel itself.
 *
 * In: where everything is. Out: the command line to start, whose first process holds the whole guest: User Mode Linux
 * runs every process of the guest as one of the machine's, and all of them end with the PID namespace. The kernel
 * runs in a root made for it, where it finds its own libc, the guest's root, the project, and nothing else; it talks to
 * a network device in a network namespace that leads nowhere else.
 */
import { words } from '../machine.ts';
import { BOOT_DIRECTORY, type GuestFiles, LINK } from './guest-init.ts';

export interface BootPlan {
  readonly name: string;
  /** The guest's own directory on the machine: `boot/init`, and `console`, `process`, `memory-root` are written there. */
  readonly directory: string;
  readonly root: string;
  /** The unpacked kernel package with its libc; absent where `binary` needs neither. */
  readonly kernel?: string;
  /** A statically linked kernel instead of the package's. */
  readonly binary?: string;
  readonly project: string;
  /** Directory with a Node.js that runs in the guest. */
  readonly node?: string;
  readonly share?: string;
  readonly memoryMb: number;
}

/** Where the kernel finds things in the root that is made for it. */
export function filesOf(plan: BootPlan): GuestFiles {
  return {
    project: '/project',
    ...(plan.kernel === undefined ? {} : { modules: '/kernel/usr/lib/uml/modules' }),
    ...(plan.node === undefined ? {} : { node: '/node' }),
    ...(plan.share === undefined ? {} : { share: '/share' }),
  };
}

/** `seccomp=auto` needs no ptrace and makes system calls several times cheaper; older kernels do not know it. */
export function kernelArguments(plan: BootPlan): readonly string[] {
  return [
    'rootfstype=hostfs',
    'rootflags=/root',
    'ro',
    `mem=${plan.memoryMb}M`,
    `umid=${plan.name}`,
    'quiet',
    'seccomp=auto',
    'con=null',
    'con0=null,fd:1',
    `vec0:transport=tap,ifname=${LINK.device},depth=64`,
    `init=${BOOT_DIRECTORY}/init`,
  ];
}

// Mounts are made before the root they are in is finished; the machine's own view never changes. /dev/shm is where the
// guest's memory lies: in a file that is unlinked at once, so that it goes with the guest.
const BOOT = `
directory=$1 device=$2 address=$3 boot=$4
shift 4
new=$directory/view
mkdir -p "$new"
mount -t tmpfs -o mode=755,size=1m guest "$new"
mkdir -p "$new"/{root,project,kernel,node,share,proc,dev,tmp}
ln -s kernel/lib64 "$new/lib64"
ln -s kernel/lib "$new/lib"
ln -s kernel/usr "$new/usr"
read_only() {
  mount --bind "$1" "$2"
  mount -o remount,bind,ro "$2"
}
while [ "$1" != -- ]; do
  case $1 in
    binary=*) touch "$new/linux"; read_only "\${1#*=}" "$new/linux" ;;
    share=*) mount --bind "\${1#*=}" "$new/share" ;;
    *) read_only "\${1#*=}" "$new/\${1%%=*}" ;;
  esac
  shift
done
shift
mount --bind "$directory/boot" "$new/root$boot"
mount -t proc proc "$new/proc"
mount --rbind /dev "$new/dev"
ip link set lo up
ip tuntap add mode tap name "$device"
ip address add "$address" dev "$device"
# The guest's driver takes no packet that is longer than the link: the kernel is to cut them here.
ip link set "$device" gso_max_segs 1
ip link set "$device" up
echo "$stat" >"$directory/process"
HOME=/tmp TMPDIR=/dev/shm chroot "$new" /linux "$@" </dev/null >"$directory/console" 2>&1 || code=$?
echo "\${code-0}" >"$directory/ended"
`;

export function bootCommand(plan: BootPlan): readonly string[] {
  const binary = plan.binary ?? `${plan.kernel ?? ''}/usr/bin/linux.uml`;
  const optional = (name: string, path: string | undefined): string[] =>
    path === undefined ? [] : [`${name}=${path}`];
  return [
    ...words('unshare --pid --fork --kill-child --net --mount --propagation private bash -ec'),
    // The machine's own /proc is still mounted: it has the pid as the machine numbers it.
    `read -r stat </proc/self/stat\nmount -t proc proc /proc\n${BOOT}`,
    'lab-guest',
    plan.directory,
    LINK.device,
    `${LINK.machine}/${LINK.length}`,
    BOOT_DIRECTORY,
    `root=${plan.root}`,
    `project=${plan.project}`,
    ...optional('kernel', plan.kernel),
    ...optional('node', plan.node),
    ...optional('share', plan.share),
    `binary=${binary}`,
    '--',
    ...kernelArguments(plan),
  ];
}
