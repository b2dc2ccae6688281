/** Dumps and batches against a scripted kernel: the situations that a real one gets into only now and then. */
import { describe, expect, it } from 'vitest';
import { batch } from './batch.ts';
import { Channel } from './channel.ts';
import { readMessages } from './codec/message.ts';
import { MessageWriter, readU16, readU32 } from './codec/writer.ts';
import { type DumpRequest, dump } from './dump.ts';
import { NetlinkDecodeError, NetlinkError } from './errors.ts';
import type { Received, RequestSocket } from './socket.ts';
import type { Request } from './types.ts';

interface SentMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
}

type Reaction = Buffer | Exclude<Received['kind'], 'datagram'>;

/** Answers each `send` with the datagrams (or mishaps) that the script makes of it. */
class ScriptedSocket implements RequestSocket {
  readonly sends: SentMessage[][] = [];
  readonly #script: (messages: SentMessage[], round: number) => Reaction[];
  readonly #waiting: Reaction[] = [];

  constructor(script: (messages: SentMessage[], round: number) => Reaction[]) {
    this.#script = script;
  }

  send(bytes: Buffer): void {
    const messages = [...readMessages(bytes)].map(({ type, flags, sequence }) => ({ type, flags, sequence }));
    this.sends.push(messages);
    this.#waiting.push(...this.#script(messages, this.sends.length));
  }

  receive(buffer: Buffer): Received {
    const next = this.#waiting.shift();
    if (next === undefined) return { kind: 'nothing' };
    if (typeof next === 'string')
      return next === 'truncated' ? { kind: next, length: 300_000 } : { kind: next };
    next.copy(buffer);
    return { kind: 'datagram', length: next.length };
  }

  /** Reactions that nobody has taken: the kernel would refuse the next dump (EBUSY). */
  get left(): number {
    return this.#waiting.length;
  }

  close(): void {}
}

function message(type: number, flags: number, sequence: number, payload: (w: MessageWriter) => void): Buffer {
  const writer = new MessageWriter();
  writer.beginMessage(type, flags, sequence);
  payload(writer);
  writer.endMessage(0);
  return Buffer.from(writer.bytes);
}

const object = (sequence: number, value: number, flags = 2): Buffer =>
  message(24, flags, sequence, (w) => w.u32(value));
const done = (sequence: number, flags = 2): Buffer => message(3, flags, sequence, (w) => w.u32(0));

function reply(sequence: number, errno: number, text?: string): Buffer {
  return message(2, text === undefined ? 0x100 : 0x300, sequence, (w) => {
    w.append(Buffer.from(new Int32Array([-errno]).buffer));
    w.append(Buffer.alloc(16));
    if (text === undefined) return;
    const start = w.beginAttribute(1);
    w.append(Buffer.from(`${text}\0`));
    w.endAttribute(start);
  });
}

const readNumbers: DumpRequest<number> = {
  attempt: 'read numbers',
  type: 26,
  encode: (writer) => writer.u32(0),
  decode: (bytes, start, end) => {
    if (end - start < 4) throw new NetlinkDecodeError('no number');
    return readU32(bytes, start);
  },
};

const only = (messages: readonly SentMessage[]): number => messages[0]?.sequence ?? -1;

describe('dump', () => {
  it('collects objects over several datagrams', async () => {
    const socket = new ScriptedSocket((sent) => {
      const sequence = only(sent);
      return [Buffer.concat([object(sequence, 1), object(sequence, 2)]), object(sequence, 3), done(sequence)];
    });
    await expect(dump(new Channel(socket), readNumbers)).resolves.toEqual([1, 2, 3]);
    expect(socket.sends[0]?.[0]?.flags).toBe(0x301);
  });

  it('leaves out answers to something else', async () => {
    const socket = new ScriptedSocket((sent) => [
      object(only(sent) + 77, 9),
      done(only(sent) + 77),
      object(only(sent), 1),
      done(only(sent)),
    ]);
    await expect(dump(new Channel(socket), readNumbers)).resolves.toEqual([1]);
  });

  it.each(['in an object', 'at the end'])('starts again when it was interrupted: %s', async (where) => {
    const socket = new ScriptedSocket((sent, round) => {
      const sequence = only(sent);
      if (round === 3) return [object(sequence, 5), done(sequence)];
      return where === 'at the end'
        ? [object(sequence, 4), done(sequence, 0x12)]
        : [object(sequence, 4, 0x12), done(sequence)];
    });
    const channel = new Channel(socket);
    await expect(dump(channel, readNumbers)).resolves.toEqual([5]);
    expect(channel.counters).toMatchObject({ dumps: 1, dumpsRepeated: 2 });
  });

  it('gives up on a state that never settles', async () => {
    const socket = new ScriptedSocket((sent) => [object(only(sent), 4, 0x12), done(only(sent))]);
    await expect(dump(new Channel(socket), readNumbers)).rejects.toMatchObject({
      code: 'EINTR',
      attempt: 'read numbers',
    });
    expect(socket.sends).toHaveLength(8);
  });

  it('notices a truncated part, takes the rest off the socket and starts again', async () => {
    const socket = new ScriptedSocket((sent, round) => {
      const sequence = only(sent);
      const part: Reaction = round === 1 ? 'truncated' : object(sequence, 2);
      return [object(sequence, 1), part, object(sequence, 3), done(sequence)];
    });
    await expect(dump(new Channel(socket), readNumbers)).resolves.toEqual([1, 2, 3]);
  });

  it('rejects with the kernel’s reason', async () => {
    const socket = new ScriptedSocket((sent) => [reply(only(sent), 22, 'Invalid values in header')]);
    await expect(dump(new Channel(socket), readNumbers)).rejects.toMatchObject({
      code: 'EINVAL',
      extack: 'Invalid values in header',
      message: 'read numbers: EINVAL (Invalid values in header)',
    });
  });

  it('rejects over an object that cannot be read, and is ready for the next dump', async () => {
    const socket = new ScriptedSocket((sent, round) => {
      const sequence = only(sent);
      const part = round === 1 ? message(24, 2, sequence, () => undefined) : object(sequence, 1);
      return [part, object(sequence, 2), done(sequence)];
    });
    const channel = new Channel(socket);
    await expect(dump(channel, readNumbers)).rejects.toBeInstanceOf(NetlinkDecodeError);
    expect(socket.left).toBe(0);
    await expect(dump(channel, readNumbers)).resolves.toEqual([1, 2]);
  });

  it('rejects when the answer stays away', async () => {
    const socket = new ScriptedSocket((sent) => [object(only(sent), 1)]);
    await expect(dump(new Channel(socket, 20), readNumbers)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('lets the event loop run during a long dump', async () => {
    const socket = new ScriptedSocket((sent) => {
      const sequence = only(sent);
      return [...Array.from({ length: 40 }, (_, at) => object(sequence, at)), done(sequence)];
    });
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const slow: DumpRequest<number> = {
      ...readNumbers,
      decode: (bytes, start, end) => {
        const until = performance.now() + 2;
        while (performance.now() < until);
        return readNumbers.decode(bytes, start, end);
      },
    };
    await dump(new Channel(socket), slow);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });
});

function route(last: number): Request {
  return {
    type: 'route',
    op: 'add',
    route: {
      family: 4,
      table: 5000,
      destination: `10.0.${last >> 8}.${last & 255}/32`,
      index: 3,
      protocol: 179,
    },
  };
}

const routes = (count: number): Request[] => Array.from({ length: count }, (_, at) => route(at));
const acknowledge = (sent: readonly SentMessage[]): Buffer => reply(sent.at(-1)?.sequence ?? -1, 0);

describe('batch', () => {
  it('sends many requests at once and asks for an acknowledgement of the last', async () => {
    const socket = new ScriptedSocket((sent) => [acknowledge(sent)]);
    const outcomes = await batch(new Channel(socket), routes(600));
    expect(outcomes).toEqual(routes(600).map(() => undefined));
    expect(socket.sends.map((sent) => sent.length)).toEqual([256, 256, 88]);
    for (const sent of socket.sends) {
      expect(sent.findIndex(({ flags }) => (flags & 4) !== 0)).toBe(sent.length - 1);
    }
  });

  it('sends nothing for no requests', async () => {
    const socket = new ScriptedSocket(() => []);
    await expect(batch(new Channel(socket), [])).resolves.toEqual([]);
    expect(socket.sends).toEqual([]);
  });

  it('keeps a chunk below the size of a datagram', async () => {
    const nextHops = Array.from({ length: 200 }, (_, at) => ({ via: `10.1.0.${at}`, index: 3, weight: 1 }));
    const big = routes(64).map((request) =>
      request.type === 'route' ? { ...request, route: { ...request.route, nextHops } } : request,
    );
    const socket = new ScriptedSocket((sent) => [acknowledge(sent)]);
    await batch(new Channel(socket), big);
    expect(socket.sends.length).toBeGreaterThan(1);
    for (const sent of socket.sends) expect(sent.length * 200 * 16).toBeLessThan(120_000);
  });

  it('gives each failure to its request', async () => {
    const socket = new ScriptedSocket((sent) => [
      reply(sent[1]?.sequence ?? -1, 17, 'Exists already'),
      Buffer.concat([reply(sent[3]?.sequence ?? -1, 101), acknowledge(sent)]),
    ]);
    const channel = new Channel(socket);
    const outcomes = await batch(channel, routes(6));
    expect(outcomes.map((outcome) => outcome?.code)).toEqual([
      undefined,
      'EEXIST',
      undefined,
      'ENETUNREACH',
      undefined,
      undefined,
    ]);
    expect(outcomes[1]).toBeInstanceOf(NetlinkError);
    expect(outcomes[1]?.message).toBe(
      'add route 10.0.0.1/32 dev 3 table 5000 protocol 179: EEXIST (Exists already)',
    );
    expect(outcomes[1]?.extack).toBe('Exists already');
    expect(channel.counters).toMatchObject({ requests: 6, refused: 2, unknown: 0 });
  });

  it('understands that the last request failed', async () => {
    const socket = new ScriptedSocket((sent) => [reply(sent.at(-1)?.sequence ?? -1, 3)]);
    const outcomes = await batch(new Channel(socket), routes(2));
    expect(outcomes.map((outcome) => outcome?.code)).toEqual([undefined, 'ESRCH']);
  });

  it('calls every outcome unknown that was lost, and keeps those that were not', async () => {
    const socket = new ScriptedSocket((sent, round) =>
      round === 1 ? ['overrun', reply(sent[0]?.sequence ?? -1, 17)] : [acknowledge(sent)],
    );
    const channel = new Channel(socket);
    const outcomes = await batch(channel, routes(300));
    expect(outcomes[0]?.code).toBe('EEXIST');
    expect(new Set(outcomes.slice(1, 256).map((outcome) => outcome?.code))).toEqual(new Set(['ENOBUFS']));
    expect(outcomes[1]?.message).toContain('outcome is unknown');
    // The next chunk starts afresh.
    expect(new Set(outcomes.slice(256))).toEqual(new Set([undefined]));
    expect(channel.counters).toMatchObject({ refused: 1, unknown: 255 });
  });

  it('calls every outcome unknown when the acknowledgement stays away', async () => {
    const socket = new ScriptedSocket(() => []);
    const outcomes = await batch(new Channel(socket, 20), routes(2));
    expect(outcomes.map((outcome) => outcome?.code)).toEqual(['ETIMEDOUT', 'ETIMEDOUT']);
  });

  it('fails the requests of a chunk that could not be sent, and goes on with the next', async () => {
    const socket = new ScriptedSocket((sent, round) => {
      if (round === 1) throw new NetlinkError('send', 90);
      return [acknowledge(sent)];
    });
    const outcomes = await batch(new Channel(socket), routes(257));
    expect(outcomes[0]).toMatchObject({ code: 'EMSGSIZE', cause: expect.any(NetlinkError) as unknown });
    expect(outcomes[256]).toBeUndefined();
  });

  it('keeps one bad request from harming the others', async () => {
    const bad: Request = {
      type: 'neighbor',
      op: 'add',
      neighbor: { family: 4, index: 1, address: 'nonsense' },
    };
    const socket = new ScriptedSocket((sent) => [acknowledge(sent)]);
    const outcomes = await batch(new Channel(socket), [route(1), bad, route(2)]);
    expect(outcomes.map((outcome) => outcome?.code)).toEqual([undefined, 'EINVAL', undefined]);
    expect(outcomes[1]?.message).toContain('not an IP address: "nonsense"');
    expect(socket.sends.map((sent) => sent.length)).toEqual([2]);
    await expect(batch(new Channel(socket), [bad])).resolves.toHaveLength(1);
    expect(socket.sends).toHaveLength(1);
  });

  const vrf: Request = {
    type: 'link',
    op: 'add',
    link: { name: 'bgp-vrf', data: { kind: 'vrf', table: 10 }, alias: 'ours' },
  };

  it('names a new link once it exists, before what comes after it', async () => {
    const socket = new ScriptedSocket((sent) => [acknowledge(sent)]);
    const outcomes = await batch(new Channel(socket), [route(1), vrf, route(2)]);
    expect(outcomes).toEqual([undefined, undefined, undefined]);
    const shape = socket.sends.map((sent) => sent.map(({ type, flags }) => [type, flags & 0x600]));
    expect(shape).toEqual([
      [
        [24, 0x600],
        [16, 0x600],
      ],
      [[16, 0]],
      [[24, 0x600]],
    ]);
  });

  it('does not put its name on a link that was there before', async () => {
    const socket = new ScriptedSocket((sent) => [reply(only(sent), 17)]);
    const outcomes = await batch(new Channel(socket), [vrf]);
    expect(outcomes[0]?.code).toBe('EEXIST');
    expect(socket.sends).toHaveLength(1);
  });

  it('reports that naming failed', async () => {
    const socket = new ScriptedSocket((sent, round) => [reply(only(sent), round === 1 ? 0 : 1)]);
    const [outcome] = await batch(new Channel(socket), [vrf]);
    expect(outcome?.message).toBe(
      'set link bgp-vrf alias ours: EPERM (operation not permitted); the process needs CAP_NET_ADMIN',
    );
  });
});

describe('message writer', () => {
  it('grows, and keeps what it has', () => {
    const writer = new MessageWriter(8);
    const start = writer.beginMessage(24, 1, 7);
    for (let at = 0; at < 100; at++) writer.u32(at);
    writer.endMessage(start);
    expect(writer.length).toBe(416);
    expect(readU32(writer.bytes, 0)).toBe(416);
    expect(readU16(writer.bytes, 4)).toBe(24);
    expect(readU32(writer.bytes, 412)).toBe(99);
  });

  it('leaves no old bytes in the padding', () => {
    const writer = new MessageWriter(64);
    writer.append(Buffer.alloc(64, 0xff));
    writer.clear();
    writer.endMessage(writer.beginMessage(24, 1, 7));
    const attribute = writer.beginAttribute(1);
    writer.u8(1);
    writer.endAttribute(attribute);
    expect(writer.bytes.subarray(-3)).toEqual(Buffer.alloc(3));
  });
});
