/** Processor time of the agent over 30 seconds in which nothing happens, with 1,000 addresses exposed. */
import { setTimeout as delay } from 'node:timers/promises';
import { northboundClient } from './change.ts';
import { BenchNode, HOST } from './support/bench-node.ts';
import { Cloud } from './support/cloud.ts';
import { KernelWatch } from './support/kernel-watch.ts';
import { progress } from './support/progress.ts';
import type { Report } from './support/report.ts';
import { megabytesText, msText } from './support/statistics.ts';

const SIZES = [1_000];
const WINDOW_MS = 30_000;
/** What follows a start (zebra is asked whether it saw everything) is over by then. */
const QUIET_MS = 5_000;

export async function benchIdle(sizes: readonly number[] = SIZES): Promise<Report> {
  const samples = new Map<
    number,
    { readonly cpuMs: number; readonly residentBytes: number; readonly writes: number }
  >();
  for (const size of sizes) {
    const node = await BenchNode.start();
    const client = northboundClient(node);
    const watch = new KernelWatch(node.netns);
    try {
      const cloud = await Cloud.create((operations) => client.transact(operations as never), HOST);
      await cloud.addPorts(0, size);
      const agent = await node.startAgent();
      await watch.whenComplete(size, 300_000);
      await agent.whenSettled();
      progress(`idle: ${WINDOW_MS / 1000} s with ${size} addresses`);
      await delay(QUIET_MS);
      const [before, changes] = [await agent.usage(), watch.changes];
      await delay(WINDOW_MS);
      const after = await agent.usage();
      samples.set(size, {
        cpuMs: after.cpuMs - before.cpuMs,
        residentBytes: after.residentBytes,
        writes: watch.changes - changes,
      });
    } finally {
      watch.close();
      await client.close();
      await node.stop();
    }
  }
  return {
    name: 'idle',
    title: `Idle for ${WINDOW_MS / 1000} s`,
    columns: ['addresses', 'share of one processor', 'CPU of the agent', 'resident memory', 'writes'],
    rows: [...samples].map(([size, { cpuMs, residentBytes, writes }]) => [
      size.toLocaleString('en'),
      `${((100 * cpuMs) / WINDOW_MS).toFixed(2)} %`,
      msText(cpuMs),
      megabytesText(residentBytes),
      `${writes}`,
    ]),
    targets: [],
    notes: ['The kernel counts processor time of a process in ticks, usually of 10 ms.'],
    samples: Object.fromEntries(samples),
  };
}
