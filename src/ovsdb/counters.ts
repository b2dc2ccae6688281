/** What one client has counted since its creation; read it, never write it. */
export interface OvsdbCounters {
  /** Attempts to connect, successful or not. */
  connectAttempts: number;
  /** Connections that reached a usable database. */
  connections: number;
  /** Connections after the first one. */
  reconnects: number;
  /** Connected members that were left because they are cut off, stale, not the leader or without the database. */
  membersSkipped: number;
  /** Complete dumps received. */
  fullDumps: number;
  /** Reconnects that needed only the changes since the last known transaction. */
  resumes: number;
  /** Dumps after the first one of a replica. */
  resyncs: number;
  /** Transactions of the server applied. */
  updates: number;
  /** Rows received in dumps and updates. */
  rows: number;
  /** Contradictions between what was received and what was held; each forces a new dump. */
  inconsistencies: number;
  bytesReceived: number;
  bytesSent: number;
  /** Inactivity probes sent, and those that were not answered in time. */
  probes: number;
  probeTimeouts: number;
  transactions: number;
  transactionErrors: number;
  transactionRetries: number;
  /** Integers beyond 2^53, which were rounded. */
  unsafeIntegers: number;
  /** Single-valued columns that held several values and read as empty. */
  ambiguousValues: number;
  /** Exceptions thrown by listeners and index functions of the caller. */
  callerErrors: number;
}

export function newCounters(): OvsdbCounters {
  return {
    connectAttempts: 0,
    connections: 0,
    reconnects: 0,
    membersSkipped: 0,
    fullDumps: 0,
    resumes: 0,
    resyncs: 0,
    updates: 0,
    rows: 0,
    inconsistencies: 0,
    bytesReceived: 0,
    bytesSent: 0,
    probes: 0,
    probeTimeouts: 0,
    transactions: 0,
    transactionErrors: 0,
    transactionRetries: 0,
    unsafeIntegers: 0,
    ambiguousValues: 0,
    callerErrors: 0,
  };
}
