/**
 * What the kernel itself needs for the objects of `count` exposed addresses: `ip -batch` writes the same four kinds of
 * objects, in the agent's order, on a node like the agent's (zebra and vswitchd listen there, too).
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { workloadAddress, workloadMac } from './addresses.ts';
import type { BenchNode } from './bench-node.ts';
import { type Cost, measured } from './measured.ts';
import { BRIDGE } from './open-vswitch.ts';
import { BRIDGE_TABLE } from './signs.ts';

export const KINDS = ['rules', 'routes', 'neighbours', 'advertised routes'] as const;
export type ObjectKind = (typeof KINDS)[number];

const LINE: Readonly<Record<ObjectKind, (address: string, mac: string) => string>> = {
  rules: (address) => `rule add to ${address} lookup ${BRIDGE_TABLE} priority 32000 protocol 179`,
  routes: (address) => `route add ${address} dev ${BRIDGE} table ${BRIDGE_TABLE} scope link proto 179`,
  neighbours: (address, mac) => `neigh add ${address} dev ${BRIDGE} lladdr ${mac} nud permanent proto 179`,
  'advertised routes': (address) => `route add blackhole ${address} metric 17900 proto 179`,
};

export type KernelShare = Readonly<Record<ObjectKind, Cost>>;

export async function kernelShare(node: BenchNode, count: number): Promise<KernelShare> {
  await node.exec('ip', 'link', 'set', BRIDGE, 'up');
  const costs = {} as Record<ObjectKind, Cost>;
  for (const kind of KINDS) {
    const file = join(node.directory, 'objects');
    const lines = Array.from({ length: count }, (_, number) =>
      LINE[kind](workloadAddress(number), workloadMac(number)),
    );
    await writeFile(file, `${lines.join('\n')}\n`);
    costs[kind] = (await measured(node.command('ip', '-batch', file))).cost;
  }
  return costs;
}

export function totalWallMs(share: KernelShare): number {
  return KINDS.reduce((sum, kind) => sum + share[kind].wallMs, 0);
}
