/**
 * Devices: the advertising VRF and its dummy, VLAN devices on the bridges, and devices of others that only have to be up.
 *
 * Ours is what carries the alias; the two fixed names also where the whole picture says that the Python agent made them.
 * A device of somebody else is used where it is what is wanted, and never changed, marked or deleted. A VLAN device of the
 * Python agent that is wanted is marked.
 */
import type { Link, LinkRequest, Request } from '../../netlink/types.ts';
import { LINK_ALIAS, type LinkObject, type NodeScope, type ObservedObject } from '../objects.ts';
import { isHandoverDevice } from '../ownership.ts';
import type { Kind, View, Write, WriteFailure } from './kind.ts';
import { noDevice, writeNetlink } from './netlink-writes.ts';

export function isRelevantLink(scope: NodeScope, link: Link): boolean {
  return (
    link.name === scope.bgpVrf ||
    link.name === scope.bgpNic ||
    link.alias === LINK_ALIAS ||
    isHandoverDevice(scope, link.name)
  );
}

export function observeLink(view: View, link: Link): ObservedObject | undefined {
  const { scope, devices } = view;
  if (!isRelevantLink(scope, link)) return undefined;
  const marked = link.alias === LINK_ALIAS;
  const object = (made: LinkObject['link']): LinkObject => ({
    kind: 'link',
    name: link.name,
    link: made,
    up: link.up,
  });
  // The Python agent describes none of its devices: one with a description of its own is somebody else's.
  const named = scope.adopted?.vrf === true && (link.alias ?? '') === '';
  const adopted = { owned: true, ...(scope.adopted?.markVrf === true ? { rewrite: true as const } : {}) };
  const notOurs = { owned: false, foreign: `${link.name} was not made by the agent` };
  if (link.data?.kind === 'vrf' && (marked || link.name === scope.bgpVrf)) {
    const vrf = object({ type: 'vrf', table: link.data.table });
    return { object: vrf, ...(marked ? { owned: true } : named ? adopted : notOurs) };
  }
  if (link.kind === 'dummy' && (marked || link.name === scope.bgpNic)) {
    const master = link.master === undefined ? undefined : devices.at(link.master)?.name;
    const dummy = object({ type: 'dummy', master: master ?? '' });
    return { object: dummy, ...(marked ? { owned: true } : named ? adopted : notOurs) };
  }
  if (link.data?.kind === 'vlan') {
    const parent = link.parent === undefined ? undefined : devices.at(link.parent)?.name;
    const vlan = object({ type: 'vlan', parent: parent ?? '', id: link.data.id });
    if (marked) return { object: vlan, owned: true };
    const taken = scope.adopted?.devices.has(link.name) === true ? { rewrite: true as const } : {};
    return {
      object: vlan,
      owned: false,
      ...taken,
      foreign: `${link.name} is a VLAN device that the agent did not make`,
    };
  }
  const type = link.kind === undefined ? 'a plain device' : `a device of type ${link.kind}`;
  return { object: object({ type: 'existing' }), owned: false, foreign: `${link.name} is ${type}` };
}

/** True when the kernel cannot turn the one into the other: it has to be deleted and made again. */
export function mustRecreate(desired: LinkObject, observed: LinkObject): boolean {
  const [a, b] = [desired.link, observed.link];
  switch (a.type) {
    case 'vrf':
      return b.type !== 'vrf' || a.table !== b.table;
    case 'dummy':
      return b.type !== 'dummy';
    case 'vlan':
      return b.type !== 'vlan' || a.parent !== b.parent || a.id !== b.id;
    case 'existing':
      return b.type !== 'existing';
    default:
      return a satisfies never;
  }
}

export const linkKind: Kind<LinkObject> = {
  kind: 'link',
  concern: 'kernel',
  same: (desired, observed) =>
    desired.up === observed.up &&
    !mustRecreate(desired, observed) &&
    (desired.link.type !== 'dummy' ||
      (observed.link.type === 'dummy' && desired.link.master === observed.link.master)),
  describe: ({ name, link, up }) => {
    const state = up ? 'up' : 'down';
    switch (link.type) {
      case 'vrf':
        return `link ${name} type vrf table ${link.table} ${state}`;
      case 'dummy':
        return `link ${name} type dummy master ${link.master} ${state}`;
      case 'vlan':
        return `link ${name} type vlan id ${link.id} on ${link.parent} ${state}`;
      case 'existing':
        return `link ${name} ${state}`;
      default:
        return link satisfies never;
    }
  },
  // The caller has read the devices just before.
  read: async (view) => [...view.devices.all()].flatMap((link) => observeLink(view, link) ?? []),
  write: async (view, writes, signal) => {
    const results = await writeNetlink(
      view,
      writes,
      { requests: (write) => linkRequests(view, write), existsIsDone: () => false },
      signal,
    );
    // Whatever went wrong with a device, everything on it depends on knowing what is there.
    return results.map((failure) => (failure === undefined ? undefined : { ...failure, doubt: true }));
  },
  written: (object) => ({
    object,
    owned: object.link.type !== 'existing',
    ...(object.link.type === 'existing' ? { foreign: `${object.name} is not the agent's` } : {}),
  }),
};

function linkRequests(view: View, { op, object }: Write<LinkObject>): readonly Request[] | WriteFailure {
  const { name, link, up } = object;
  const held = view.devices.named(name);
  if (op === 'remove') {
    return held === undefined ? [] : [{ type: 'link', op: 'delete', link: { index: held.index } }];
  }
  if (link.type === 'existing') {
    if (held === undefined) return noDevice(name);
    return [{ type: 'link', op: 'set', link: { index: held.index, up } }];
  }
  const relativeName = link.type === 'dummy' ? link.master : link.type === 'vlan' ? link.parent : undefined;
  const relative = relativeName === undefined ? undefined : view.devices.named(relativeName)?.index;
  if (relativeName !== undefined && relative === undefined) return noDevice(relativeName);
  if (op === 'change' && held !== undefined) {
    const move = link.type === 'dummy' && relative !== held.master ? { master: relative ?? 0 } : {};
    const mark = held.alias === LINK_ALIAS ? {} : { alias: LINK_ALIAS };
    return [{ type: 'link', op: 'set', link: { index: held.index, ...move, ...mark, up } }];
  }
  return [
    { type: 'link', op: 'add', link: { name, ...creation(link, relative ?? 0), alias: LINK_ALIAS, up } },
  ];
}

function creation(
  link: Exclude<LinkObject['link'], { readonly type: 'existing' }>,
  relative: number,
): Pick<LinkRequest, 'data' | 'master' | 'parent'> {
  switch (link.type) {
    case 'vrf':
      return { data: { kind: 'vrf', table: link.table } };
    case 'dummy':
      return { data: { kind: 'dummy' }, master: relative };
    case 'vlan':
      return { data: { kind: 'vlan', id: link.id }, parent: relative };
    default:
      return link satisfies never;
  }
}
