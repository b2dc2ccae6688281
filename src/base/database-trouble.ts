/** What keeps a database from being read, as all rooms tell it. */

export interface DatabaseTrouble {
  /** `OVN_Northbound`, `OVN_Southbound`, `Open_vSwitch`. */
  readonly database: string;
  /** Stable word; those of `ConnectionProblem` of the OVSDB library. */
  readonly problem: string;
  /** For people; names each server that was tried and what came of it. */
  readonly text: string;
  /** It does not go by waiting. */
  readonly lasting: boolean;
}
