/** The repairs of what FRR should have taken over from the node, in the order in which they are asked. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { NodeEdge } from '../node/edge.ts';
import type { WiringConfig } from '../wiring/types.ts';
import { OrphanCheck } from './orphan-check.ts';
import { RegistrationCheck } from './registration-check.ts';
import type { Repair } from './repair.ts';
import { ZebraCheck } from './zebra-check.ts';

export function frrRepairs(
  { frr, files }: Pick<NodeEdge, 'frr' | 'files'>,
  config: WiringConfig,
  clock: Clock,
  log: Logger,
): readonly Repair[] {
  const orphans = new OrphanCheck(frr, config, clock, log);
  return [
    new ZebraCheck(frr, () => files.readNetlinkListeners(), config, clock, log),
    new RegistrationCheck(frr, config, clock, log, () => orphans.request()),
    orphans,
  ];
}
