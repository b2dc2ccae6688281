/** The repairs of what FRR should have taken over from the node, in the order in which they are asked. */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { Frr } from '../frr/types.ts';
import type { WiringConfig } from '../wiring/types.ts';
import { OrphanCheck } from './orphan-check.ts';
import { RegistrationCheck } from './registration-check.ts';
import type { Repair } from './repair.ts';
import { ZebraCheck } from './zebra-check.ts';

export function frrRepairs(frr: Frr, config: WiringConfig, clock: Clock, log: Logger): readonly Repair[] {
  const orphans = new OrphanCheck(frr, config, clock, log);
  return [
    new ZebraCheck(frr, clock, log),
    new RegistrationCheck(frr, config, clock, log, () => orphans.request()),
    orphans,
  ];
}
