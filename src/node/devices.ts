/**
 * The devices of the node by name and by index: a picture that events keep up to date and a dump replaces.
 *
 * Objects of the agent name their device, the kernel numbers it; every translation goes through here.
 */
import type { Link } from '../netlink/types.ts';

export class Devices {
  readonly #byIndex = new Map<number, Link>();
  readonly #byName = new Map<string, Link>();

  constructor(links: Iterable<Link> = []) {
    for (const link of links) this.set(link);
  }

  named(name: string): Link | undefined {
    return this.#byName.get(name);
  }

  at(index: number): Link | undefined {
    return this.#byIndex.get(index);
  }

  all(): Iterable<Link> {
    return this.#byIndex.values();
  }

  set(link: Link): void {
    this.delete(link.index);
    this.#byIndex.set(link.index, link);
    this.#byName.set(link.name, link);
  }

  delete(index: number): void {
    const held = this.#byIndex.get(index);
    if (held === undefined) return;
    this.#byIndex.delete(index);
    if (this.#byName.get(held.name)?.index === index) this.#byName.delete(held.name);
  }
}
