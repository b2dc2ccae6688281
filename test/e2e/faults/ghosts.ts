/**
 * Ports without a machine: a row and an internal port of br-int that claims it. They cost little, so that many of them can
 * come, go and move.
 */
import { FLAT_NETWORK } from '../../../lab/content.ts';
import type { ChassisName } from '../../../lab/layout.ts';
import type { PortSpec } from '../../../lab/neutron-rows.ts';
import { portSpec } from '../fixture.ts';
import type { Stage } from './stage.ts';

export class Ghost {
  readonly port: PortSpec;
  readonly #stage: Stage;
  #node: ChassisName;
  #present = false;

  constructor(stage: Stage, name: string, node: ChassisName, last: number) {
    this.#stage = stage;
    this.port = portSpec(name, FLAT_NETWORK, node, last);
    this.#node = node;
  }

  get addresses(): readonly string[] {
    return this.port.addresses;
  }

  get present(): boolean {
    return this.#present;
  }

  get node(): ChassisName {
    return this.#node;
  }

  async add(node: ChassisName = this.#node): Promise<void> {
    this.#node = node;
    this.#present = true;
    this.#stage.expect(this.addresses, node);
    await this.#stage.cloud.content.addPort({ ...this.port, host: node });
    await this.#plug();
  }

  async remove(): Promise<void> {
    await this.removeRow();
    await this.unplug();
  }

  /** Takes the row away alone, for while the switch of its node cannot be asked. */
  async removeRow(): Promise<void> {
    this.#present = false;
    this.#stage.expect(this.addresses, undefined);
    await this.#stage.cloud.content.deletePort(this.port);
  }

  async move(node: ChassisName): Promise<void> {
    await this.#stage.cloud.content.migratePort(this.port.id, node);
    await this.unplug();
    this.#node = node;
    this.#stage.expect(this.addresses, node);
    await this.#plug();
  }

  async unplug(): Promise<void> {
    await this.#stage.lab
      .node(this.#node)
      .exec(['ovs-vsctl', '--if-exists', 'del-port', 'br-int', this.#device]);
  }

  async #plug(): Promise<void> {
    const name = this.#device;
    const claim = ['type=internal', `external_ids:iface-id=${this.port.id}`];
    await this.#stage.lab
      .node(this.#node)
      .exec(['ovs-vsctl', 'add-port', 'br-int', name, '--', 'set', 'Interface', name, ...claim]);
  }

  get #device(): string {
    return `g${this.port.id.slice(-11)}`;
  }
}

/** The same numbers for the same seed: Tommy Ettinger's mulberry32. */
export function randomFrom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}
