/**
 * The namespaces that a lab is made of.
 *
 * The lab's first process, the *anchor*, is process 1 of a PID namespace of its own; its network namespace holds the
 * bridges that join nodes. Every node has a process that sleeps in a network, mount and UTS namespace inside it. When
 * the anchor dies the kernel kills everything in the PID namespace, and with the last process go the namespaces, their
 * devices and mounts: taking a lab down, also half of one, is killing one process.
 *
 * In a node, directories that programs write to are bound over by the node's own, so every program runs with its
 * standard paths. Fails with a `LabError` that carries what the set-up script said.
 */
import { LabError, type Machine, words } from './machine.ts';
import { identify, type LabPaths, type ProcessIdentity, recordedProcess } from './state.ts';
import { until } from './until.ts';

/** Directories of a node that are its own. `/run` comes last: it hides the lab's state directory. */
export const OWN_DIRECTORIES = [
  '/var/log',
  '/var/lib/ovn',
  '/var/lib/ovn-bgp',
  '/var/lib/openvswitch',
  '/var/lib/frr',
  '/etc/frr',
  '/etc/openvswitch',
  '/etc/iproute2',
  '/etc/ovn-bgp-agent',
  '/tmp',
  // FRR's crash logs.
  '/var/tmp',
  '/run',
] as const;

const SETUP_TIMEOUT_MS = 60_000;

const SWITCHES = `
for setting in net/ipv4/ip_forward=FORWARD net/ipv6/conf/all/forwarding=FORWARD \\
  net/ipv4/conf/all/rp_filter=0 net/ipv4/conf/default/rp_filter=0 \\
  net/ipv4/fib_multipath_hash_policy=1 net/ipv6/fib_multipath_hash_policy=1 \\
  net/ipv4/tcp_l3mdev_accept=1 net/ipv4/udp_l3mdev_accept=1 \\
  net/ipv6/conf/all/accept_dad=0 net/ipv6/conf/default/accept_dad=0 \\
  net/ipv6/conf/all/accept_ra=0 net/ipv6/conf/default/accept_ra=0; do
  file=/proc/sys/\${setting%%=*}
  [ -e "$file" ] && echo "\${setting#*=}" >"$file"
done
ip link set lo up`;

/**
 * Process 1 of the lab. It reaps what daemons leave behind, which a plain sleep would not. The machine's own /proc is
 * still mounted when it starts: its stat line there has the pid as the machine knows it.
 */
const ANCHOR_SCRIPT = `set -e
read -r stat </proc/self/stat
hostname "$1"
ip link set lo up
for name in management tunnels; do
  ip link add "$name" type bridge
  ip link set "$name" up
done
echo "$stat" >"$2"
exec </dev/null >/dev/null 2>&1
while :; do sleep infinity & wait; done
`;

/**
 * $1 host name, $2 the node's directory, $3 number of directories to keep visible; these, then those to bind over.
 * A kept directory (the project's own, or Node.js) may lie below one that is bound over; it is bound back in.
 */
const NODE_SCRIPT = `set -e
read -r stat </proc/self/stat
hostname "$1"
directory=$2
kept=$3
exec 3>"$directory/sleeper"
shift 3
keep=("\${@:1:kept}")
own=("\${@:kept+1}")
mount -t proc proc /proc
mount -t sysfs sysfs /sys
${SWITCHES}
for path in "\${own[@]}"; do
  for visible in "\${keep[@]}"; do
    case "$visible" in "$path"/*)
      inside=$directory/root$visible
      mkdir -p "$inside"
      mount --bind "$visible" "$inside" ;;
    esac
  done
  mount --rbind "$directory/root$path" "$path"
done
echo "$stat" >&3
exec 3>&- </dev/null >/dev/null 2>&1
exec sleep infinity
`;

export async function startAnchor(machine: Machine, paths: LabPaths): Promise<ProcessIdentity> {
  const log = `${paths.directory}/anchor.log`;
  await machine.start(
    [
      ...words('unshare --pid --fork --net --mount --uts --propagation private bash -c'),
      ANCHOR_SCRIPT,
      'lab-anchor',
      paths.name,
      paths.anchor,
    ],
    { log },
  );
  return awaitRecord(machine, 'the first process of the lab', paths.anchor, log);
}

export interface NamespaceSpec {
  readonly name: string;
  readonly directory: string;
  /** Directories bound over; empty for a node that runs nothing but `ip` and `ping`. */
  readonly own: readonly string[];
  /** Directories of the machine that stay visible where they are. */
  readonly keep: readonly string[];
  readonly forwarding: boolean;
}

/** Makes a node's namespaces; returns the process that holds them. Its directories must have been made before. */
export async function startNamespace(
  machine: Machine,
  anchor: ProcessIdentity,
  spec: NamespaceSpec,
): Promise<ProcessIdentity> {
  const log = `${spec.directory}/setup.log`;
  const script = NODE_SCRIPT.replaceAll('FORWARD', spec.forwarding ? '1' : '0');
  await machine.start(
    [
      // In the background: the sleeper becomes a child of the anchor instead of staying one of nsenter.
      ...enter(anchor, ['bash', '-c', 'setsid "$@" &', 'lab-node']),
      ...words('unshare --net --mount --uts --propagation private bash -c'),
      ...[script, 'lab-node', spec.name, spec.directory, `${spec.keep.length}`].concat(spec.keep, spec.own),
    ],
    { log },
  );
  return awaitRecord(machine, `the namespaces of ${spec.name}`, `${spec.directory}/sleeper`, log);
}

/** A namespace may be used only while its holder lives in the lab's own PID namespace: pids are used again. */
export async function belongsToLab(
  machine: Machine,
  anchor: ProcessIdentity,
  holder: ProcessIdentity,
): Promise<boolean> {
  const [home, other] = await Promise.all(
    [anchor, holder].map(({ pid }) => machine.files.link(`/proc/${pid}/ns/pid`)),
  );
  if (home === undefined || home !== other) return false;
  return (await identify(machine, holder.pid))?.startTime === holder.startTime;
}

/** The command line that runs `argv` inside a node. */
export function enter(holder: ProcessIdentity, argv: readonly string[]): string[] {
  return [...words(`nsenter --target ${holder.pid} --pid --mount --uts --net --`), ...argv];
}

/**
 * The command line that runs `argv` in the network namespace alone, so that process numbers in it are the machine's:
 * for moving devices between namespaces.
 */
export function enterNetwork(pid: number, argv: readonly string[]): string[] {
  return [...words(`nsenter --target ${pid} --net --`), ...argv];
}

async function awaitRecord(
  machine: Machine,
  what: string,
  file: string,
  log: string,
): Promise<ProcessIdentity> {
  const probe = async (): Promise<{ value: ProcessIdentity } | { seen: string }> => {
    const value = await recordedProcess(machine, file);
    if (value !== undefined) return { value };
    const said = (await machine.files.read(log)) ?? '';
    // The scripts are silent unless something fails, and what fails ends them.
    if (said.trim() !== '') throw new LabError('namespace', `cannot make ${what}: ${said.trim()}`);
    return { seen: 'no word from its set-up' };
  };
  return (await until(what, probe, { timeoutMs: SETUP_TIMEOUT_MS, everyMs: 5 })).value;
}
