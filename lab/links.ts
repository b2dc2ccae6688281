/**
 * The `ip -batch` lines that cable the nodes and give them addresses. Pure: pids in, lines out.
 *
 * Devices are made directly in the namespaces they belong to, by pid; none ever appears in the machine's own.
 */
import {
  CABLES,
  CENTRAL_ADDRESS,
  CHASSIS,
  EXTERNAL,
  MANAGEMENT_LENGTH,
  type NodeName,
  ROUTERS,
} from './layout.ts';

/** Lines to run in the anchor's network namespace, which holds the bridges `management` and `tunnels`. */
export function cableLines(pids: ReadonlyMap<NodeName, number>, tunnels: boolean): readonly string[] {
  const pid = (node: NodeName): number => {
    const found = pids.get(node);
    if (found === undefined) throw new TypeError(`no pid for ${node}`);
    return found;
  };
  const toBridge = (bridge: string, prefix: string, device: string, node: NodeName): string[] => [
    `link add name ${prefix}-${node} type veth peer name ${device} netns ${pid(node)}`,
    `link set ${prefix}-${node} master ${bridge} up`,
  ];
  return [
    ...CABLES.map(({ ends: [a, b] }) => {
      return `link add name ${a.device} netns ${pid(a.node)} type veth peer name ${b.device} netns ${pid(b.node)}`;
    }),
    ...(['central', ...CHASSIS.map(({ name }) => name)] as const).flatMap((node) =>
      toBridge('management', 'm', 'mgmt0', node),
    ),
    ...(tunnels ? CHASSIS.flatMap(({ name }) => toBridge('tunnels', 't', 'tun0', name)) : []),
  ];
}

/** Lines to run in a node once its devices are there. */
export function nodeLines(node: NodeName, tunnels: boolean): readonly string[] {
  const router = ROUTERS.find(({ name }) => name === node);
  const chassis = CHASSIS.find(({ name }) => name === node);
  const management = node === 'central' ? CENTRAL_ADDRESS : chassis?.management;
  const devices = CABLES.flatMap(({ ends }) =>
    ends.filter((end) => end.node === node).map((end) => end.device),
  );
  return [
    ...(router === undefined
      ? []
      : [`address add ${router.loopback4}/32 dev lo`, `address add ${router.loopback6}/128 dev lo`]),
    ...(node === 'spine'
      ? [
          `address add ${EXTERNAL.gateway4}/${EXTERNAL.length4} dev to-ext`,
          `address add ${EXTERNAL.gateway6}/${EXTERNAL.length6} dev to-ext nodad`,
        ]
      : []),
    ...(node === 'ext'
      ? [
          `address add ${EXTERNAL.address4}/${EXTERNAL.length4} dev eth0`,
          `address add ${EXTERNAL.address6}/${EXTERNAL.length6} dev eth0 nodad`,
        ]
      : []),
    ...(management === undefined
      ? []
      : [`address add ${management}/${MANAGEMENT_LENGTH} dev mgmt0`, up('mgmt0')]),
    ...(chassis !== undefined && tunnels ? [up('tun0')] : []),
    ...devices.map(up),
    ...(node === 'ext'
      ? [`route add default via ${EXTERNAL.gateway4}`, `route add ::/0 via ${EXTERNAL.gateway6}`]
      : []),
  ];
}

function up(device: string): string {
  return `link set ${device} up`;
}
