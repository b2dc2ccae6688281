/** Exit codes of the command; 64 and 75 are EX_USAGE and EX_TEMPFAIL of sysexits.h. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** `plan`: there is something to do. */
  changes: 2,
  /** `plan`: there is nothing to do now, but not everything that is wanted is there: something waits or is blocked. */
  incomplete: 3,
  /** Wrong option, argument or configuration. */
  usage: 64,
  /** `run`, `cleanup`: another agent works in this network namespace. */
  busy: 75,
} as const;
