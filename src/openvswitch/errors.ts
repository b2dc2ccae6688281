/** The one error of this room: what was attempted on Open vSwitch, on which bridge, and what it said. */

/**
 * - `unreachable`: the bridge's management socket or the database cannot be reached.
 * - `no-bridge`: the bridge does not exist.
 * - `foreign`: a port of that name exists and the agent did not make it.
 * - `rejected`: ovs-ofctl or the database refused the change; nothing of it was done.
 * - `not-ready`: vswitchd says why it cannot open the port.
 * - `invalid`: a name, match or action that must not be sent.
 * - `timeout`: ovs-ofctl did not finish in time and was ended, or vswitchd did not open the port in time.
 * - `protocol`: an output that cannot be understood.
 */
export type OvsErrorCode =
  | 'unreachable'
  | 'no-bridge'
  | 'foreign'
  | 'rejected'
  | 'not-ready'
  | 'invalid'
  | 'timeout'
  | 'protocol';

export class OvsError extends Error {
  override readonly name = 'OvsError';
  readonly code: OvsErrorCode;
  readonly bridge: string | undefined;

  constructor(code: OvsErrorCode, bridge: string | undefined, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.bridge = bridge;
  }
}
