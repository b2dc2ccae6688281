/** A transport in memory for unit tests: what is written can be read back, what the peer sends is fed by hand. */
import type { Transport, TransportHandlers } from '../transport.ts';

export class MemoryTransport implements Transport {
  readonly peer: string;
  /** Every message written so far, parsed. */
  readonly sent: Record<string, unknown>[] = [];
  paused = false;
  destroyed = false;
  #handlers: TransportHandlers | undefined;
  readonly #onMessage: ((message: Record<string, unknown>) => void) | undefined;

  constructor(peer = 'memory', onMessage?: (message: Record<string, unknown>) => void) {
    this.peer = peer;
    this.#onMessage = onMessage;
  }

  open(handlers: TransportHandlers): void {
    this.#handlers = handlers;
  }

  write(text: string): void {
    const message = JSON.parse(text) as Record<string, unknown>;
    this.sent.push(message);
    this.#onMessage?.(message);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  destroy(): void {
    this.destroyed = true;
  }

  /** The peer sends this. */
  receive(...messages: readonly unknown[]): void {
    this.receiveText(messages.map((message) => JSON.stringify(message)).join(''));
  }

  receiveText(text: string): void {
    if (!this.destroyed) this.#handlers?.data(Buffer.from(text));
  }

  /** The peer ends the connection. */
  end(error?: Error): void {
    this.destroyed = true;
    this.#handlers?.closed(error);
  }
}
