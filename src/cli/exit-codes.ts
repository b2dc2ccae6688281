/** Exit codes of the command; 64 is EX_USAGE of sysexits.h. */
export const EXIT = {
  ok: 0,
  failed: 1,
  /** `plan`: there is something to do. */
  changes: 2,
  /** Wrong option, argument or configuration. */
  usage: 64,
} as const;
