/** Waits for the first complete picture of the local vswitchd; rejects with the signal's reason when it aborts. */
import type { OpenVSwitch, OvsSnapshot } from '../openvswitch/types.ts';

export function whenSnapshot(ovs: OpenVSwitch, signal: AbortSignal): Promise<OvsSnapshot> {
  return new Promise((resolve, reject) => {
    const end = ovs.subscribe(check);
    const abort = (): void => {
      end();
      reject(signal.reason);
    };
    function check(): void {
      const snapshot = ovs.snapshot();
      if (snapshot === undefined) return;
      end();
      signal.removeEventListener('abort', abort);
      resolve(snapshot);
    }
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    check();
  });
}
