import { describe, expect, it } from 'vitest';
import { encodeAddress } from './codec/address.ts';
import { encodeRoute } from './codec/route.ts';
import { encodeRule } from './codec/rule.ts';
import { MessageWriter } from './codec/writer.ts';
import { eventDecoder, groupsOf } from './events.ts';

function datagram(type: number, flags: number, payload: (writer: MessageWriter) => void): Buffer {
  const writer = new MessageWriter();
  writer.beginMessage(type, flags, 0);
  payload(writer);
  writer.endMessage(0);
  return Buffer.from(writer.bytes);
}

const route = (type: number, protocol: number, flags = 0): Buffer =>
  datagram(type, flags, (writer) =>
    encodeRoute(writer, { family: 4, table: 254, destination: '10.0.0.0/24', protocol, index: 2 }, false),
  );

describe('notifications', () => {
  it('come in the kernel’s order, with what is gone marked', () => {
    const address = (writer: MessageWriter): void =>
      encodeAddress(writer, { family: 4, index: 2, address: '192.0.2.1/24' });
    const rule = (writer: MessageWriter): void => encodeRule(writer, { family: 6, priority: 7, table: 5000 });
    const bytes = Buffer.concat([
      datagram(20, 0, address),
      route(24, 186),
      datagram(33, 0, rule),
      datagram(21, 0, address),
      route(25, 186),
      datagram(99, 0, () => undefined),
    ]);
    const events = eventDecoder({})(bytes, 0);
    expect(events.map((event) => [event.type, 'gone' in event && event.gone])).toEqual([
      ['address', false],
      ['route', false],
      ['rule', true],
      ['address', true],
      ['route', true],
    ]);
  });

  it('drops routes of ignored protocols, but not those that took the place of another', () => {
    const bytes = Buffer.concat([route(24, 186), route(24, 179), route(25, 186), route(24, 186, 0x100)]);
    const events = eventDecoder({ ignoreRouteProtocols: [186] })(bytes, 0);
    expect(events).toMatchObject([
      { type: 'route', gone: false, route: { protocol: 179 } },
      { type: 'route', gone: false, route: { protocol: 186 } },
    ]);
    expect(eventDecoder({})(bytes, 0)).toHaveLength(4);
  });

  it('reports lost messages after those that arrived', () => {
    expect(eventDecoder({})(route(24, 179), 105)).toMatchObject([
      { type: 'route' },
      { type: 'resync', reason: expect.stringContaining('ENOBUFS') as string },
    ]);
    expect(eventDecoder({})(Buffer.alloc(0), 90)).toMatchObject([
      { type: 'resync', reason: expect.stringContaining('EMSGSIZE') as string },
    ]);
    expect(eventDecoder({})(Buffer.alloc(0), 9)).toMatchObject([
      { type: 'resync', reason: expect.stringContaining('ended') as string },
    ]);
  });

  it('asks for a resync when a message cannot be read', () => {
    const bytes = Buffer.concat([route(24, 179), Buffer.alloc(20)]);
    expect(eventDecoder({})(bytes, 0)).toMatchObject([{ type: 'route' }, { type: 'resync' }]);
  });

  it('joins the groups of the wanted kinds only', () => {
    expect(groupsOf({ kinds: ['route'] })).toEqual([7, 11]);
    expect(groupsOf({}).sort((a, b) => a - b)).toEqual([1, 3, 5, 7, 8, 9, 11, 19]);
  });
});
