/** Flows of table 0 of the agent's bridges, told by its cookie; one bundle a bridge. */
import { AGENT_COOKIE, type FlowChange } from '../../openvswitch/types.ts';
import type { FlowObject, NodeScope, ObservedObject } from '../objects.ts';
import { failureOf, type Kind, type View, type Write, type WriteResult } from './kind.ts';

/**
 * A refused bundle is halved to find the flow at fault; each try is a process, so there is an end to it. Only what was
 * refused is halved: a vswitchd that does not answer is not asked again, on no bridge.
 */
const MAX_BUNDLES = 16;

export const flowKind: Kind<FlowObject> = {
  kind: 'flow',
  concern: 'vswitchd',
  same: (a, b) => a.flow.actions === b.flow.actions && a.flow.cookie === b.flow.cookie,
  describe: ({ bridge, flow }) =>
    `flow ${bridge} priority=${flow.priority},${flow.match} actions=${flow.actions}`,
  read: async (view, signal) => {
    const found: ObservedObject[] = [];
    for (const bridge of flowBridges(view.scope)) found.push(...(await readFlows(view, bridge, signal)));
    return found;
  },
  write: async (view, writes, signal) => {
    const results: WriteResult[] = Array.from({ length: writes.length });
    const bridges = new Map<string, number[]>();
    for (const [index, { object }] of writes.entries()) {
      const indexes = bridges.get(object.bridge);
      if (indexes === undefined) bridges.set(object.bridge, [index]);
      else indexes.push(index);
    }
    let silence: WriteResult;
    for (const [bridge, indexes] of bridges) {
      const bundles = [indexes];
      for (let tries = 0; bundles.length > 0; tries++) {
        const bundle = bundles.shift() ?? [];
        const failure = silence ?? (await applyBundle(view, bridge, bundle, writes, signal));
        if (failure === undefined) continue;
        if (failure.silent === true) silence = failure;
        if (silence === undefined && bundle.length > 1 && tries < MAX_BUNDLES) {
          const half = bundle.length >> 1;
          bundles.push(bundle.slice(0, half), bundle.slice(half));
        } else for (const index of bundle) results[index] = failure;
      }
    }
    return results;
  },
};

/** Bridges that may hold flows of the agent. */
export function flowBridges(scope: NodeScope): readonly string[] {
  return scope.flowBridges ?? scope.bridges;
}

/** The agent's flows of one bridge, and those of others that stand where one of the agent's may be wanted. */
export async function readFlows(
  view: View,
  bridge: string,
  signal: AbortSignal | undefined,
): Promise<ObservedObject[]> {
  const flows = await view.edge.ovs.flowPlaces(bridge, signal);
  return flows.map((flow) => {
    const object: FlowObject = { kind: 'flow', bridge, flow };
    if (flow.cookie === AGENT_COOKIE) return { object, owned: true };
    return { object, owned: false, foreign: `a flow with cookie ${flow.cookie} stands there` };
  });
}

async function applyBundle(
  { edge }: View,
  bridge: string,
  bundle: readonly number[],
  writes: readonly Write<FlowObject>[],
  signal: AbortSignal | undefined,
): Promise<WriteResult> {
  const changes = bundle.flatMap((index): FlowChange[] => {
    const write = writes[index];
    return write === undefined
      ? []
      : [{ op: write.op === 'remove' ? 'remove' : 'add', flow: write.object.flow }];
  });
  try {
    await edge.ovs.applyFlows(bridge, changes, signal);
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    return failureOf(error, true);
  }
}
