/**
 * The metrics that tell FRR what kind of route of the agent it has before it: one for each class of routes that an
 * operator gives attributes, the first for all others. A class is a number from 0 to 255. Pure.
 *
 * In the main table every route has its metric. In the VRF the first class has none, as the Python agent writes it, and
 * the metric of an address is that of its connected route.
 */

/**
 * Unlikely on routes of others. FRR takes the top byte of a kernel metric as distance: it must stay below 2^24.
 */
export const ADVERTISE_METRIC = 17900;
const CLASSES = 256;

/** Metric of the main table's routes of a class. */
export function metricOfClass(routeClass: number): number {
  if (!Number.isInteger(routeClass) || routeClass < 0 || routeClass >= CLASSES) {
    throw new RangeError(`not a class of routes: ${routeClass}`);
  }
  return ADVERTISE_METRIC + routeClass;
}

/** True for the metrics that the agent gives advertised routes of the main table. */
export function isAdvertiseMetric(metric: number): boolean {
  return metric >= ADVERTISE_METRIC && metric < ADVERTISE_METRIC + CLASSES;
}
