/**
 * Notices that zebra was started anew under a bgpd that went on.
 *
 * bgpd finds the new zebra within ten seconds, but does not tell it again what it redistributes (seen with
 * FRR 8.4): from then on nothing that is added or removed is heard, though the configuration looks right. In:
 * zebra's vty socket. Out: a call when bgpd is connected to another zebra than before. It is called also when bgpd was
 * started anew as well; what the caller then does must do no harm.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { VtyLink } from './vty-link.ts';

const POLL_MS = 250;

export interface ZebraReturnOptions {
  /** zebra's vty socket. */
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onReturn: () => void;
}

export class ZebraReturn {
  readonly #options: ZebraReturnOptions;
  readonly #link: VtyLink;
  #known = false;
  #closed = false;
  #cancelPoll: (() => void) | undefined;

  constructor(options: ZebraReturnOptions) {
    this.#options = options;
    this.#link = new VtyLink({ ...options, onChange: (event) => this.#changed(event) });
  }

  watch(): void {
    this.#link.watch();
  }

  close(): void {
    this.#closed = true;
    this.#cancelPoll?.();
    this.#link.close();
  }

  #changed(event: 'up' | 'down'): void {
    this.#cancelPoll?.();
    this.#cancelPoll = undefined;
    if (event === 'down') return;
    if (this.#known) void this.#poll();
    this.#known = true;
  }

  async #poll(): Promise<void> {
    this.#cancelPoll = undefined;
    try {
      const { text } = await (await this.#link.socket()).execute('show zebra client summary');
      if (this.#closed) return;
      if (/^bgp\s/m.test(text)) {
        this.#options.onReturn();
        return;
      }
    } catch (error) {
      this.#options.logger.debug({ error: String(error) }, 'cannot ask zebra for its clients');
      // A new connection begins anew.
      return;
    }
    this.#cancelPoll = this.#options.clock.after(POLL_MS, () => void this.#poll());
  }
}
