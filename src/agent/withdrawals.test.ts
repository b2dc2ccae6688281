/** That a withdrawal says why, whatever led to it. */
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { VirtualClock } from '../base/virtual-clock.ts';
import { defaultConfig } from '../config/assemble.ts';
import { type MemoryDatabase, memoryDatabase, type Transaction } from '../ovn/memory-database.ts';
import { createNorthboundTopology } from '../ovn/northbound.ts';
import { NORTHBOUND, type NorthboundDatabase } from '../ovn/northbound-schema.ts';
import { methodOf } from '../wiring/wire.ts';
import { FactsReader } from './facts-reader.ts';
import { MigrationGrace } from './migration-grace.ts';
import { Planner } from './planner.ts';
import { bareNode } from './testing.ts';

type Northbound = MemoryDatabase<NorthboundDatabase>;

function addPort(tx: Transaction<NorthboundDatabase>, name: string, address: string): void {
  tx.insert(
    'Logical_Switch_Port',
    {
      name,
      addresses: [`fa:16:3e:00:00:01 ${address}`],
      up: true,
      options: new Map([['requested-chassis', 'cmp-1']]),
      external_ids: new Map([['neutron:network_name', 'pub']]),
    },
    name,
  );
}

/** A planner that exposes 172.24.4.10 of port "b", and what each change of the rows withdraws. */
async function exposing(): Promise<(work: (tx: Transaction<NorthboundDatabase>) => void) => string[]> {
  const database: Northbound = memoryDatabase(NORTHBOUND);
  database.transact((tx) => {
    tx.insert(
      'Logical_Switch_Port',
      { name: 'provnet-flat', type: 'localnet', options: new Map([['network_name', 'physnet1']]) },
      'localnet',
    );
    tx.insert('Logical_Switch', { name: 'pub', ports: ['localnet'] }, 'pub');
    addPort(tx, 'b', '172.24.4.10');
  });
  const topology = createNorthboundTopology(database.views, { hostname: 'cmp-1', systemId: 'C1' });
  const config = defaultConfig({ advertiseVia: 'main' });
  const planner = new Planner(
    config,
    methodOf(config.exposingMethod),
    new MigrationGrace(0, new VirtualClock(), () => undefined),
  );
  planner.setTopology(topology);
  planner.setFacts(await new FactsReader(bareNode(), config, silentLogger).read(AbortSignal.timeout(5000)));
  planner.step();
  return (work) => {
    planner.markDirty(topology.affected(database.transact(work)));
    return planner.step()?.withdrawn.map(({ because }) => because) ?? [];
  };
}

describe('a withdrawal says why', () => {
  it.each<[string, string, (tx: Transaction<NorthboundDatabase>) => void]>([
    ['the row is gone', 'Logical_Switch_Port "b" is gone', (tx) => tx.delete('Logical_Switch_Port', 'b')],
    [
      'the port went down',
      'Logical_Switch_Port "b" is bound to this node but not up',
      (tx) => tx.update('Logical_Switch_Port', 'b', { up: false }),
    ],
    [
      'the port moved',
      'Logical_Switch_Port "b" is bound to "cmp-2"',
      (tx) => tx.update('Logical_Switch_Port', 'b', { options: new Map([['requested-chassis', 'cmp-2']]) }),
    ],
    [
      'it has another address now',
      'Logical_Switch_Port "b" does not have it any more',
      (tx) => tx.update('Logical_Switch_Port', 'b', { addresses: ['fa:16:3e:00:00:01 172.24.4.11'] }),
    ],
    [
      'its network is none any more',
      'Logical_Switch "pub" has no localnet port: it is not a provider network',
      (tx) => tx.update('Logical_Switch', 'pub', { ports: [] }),
    ],
  ])('%s', async (_, because, work) => {
    expect((await exposing())(work)).toEqual([because]);
  });
});
