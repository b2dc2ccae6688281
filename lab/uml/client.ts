/**
 * The machine's end of the command channel: runs one command in a guest, on the caller's own streams.
 *
 * Must run in the network namespace that the guest is connected to (`forward-main.ts` does). An interrupt is passed on
 * to the command, which decides what it means. Fails with a `LabError` when the guest cannot be reached or goes away.
 */
import { connect, type Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { LabError } from '../machine.ts';
import { type ExitReport, encodeFrame, FRAME, FrameReader, type StartRequest } from './frames.ts';

export interface ClientStreams {
  readonly input: Readable;
  readonly output: Writable;
  readonly error: Writable;
}

const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Returns the exit status of the command; its output has been written completely by then. */
export async function runInGuest(
  address: string,
  port: number,
  request: StartRequest,
  streams: ClientStreams,
): Promise<number> {
  const socket = connect({ host: address, port, noDelay: true });
  const passOn = (signal: NodeJS.Signals): void => {
    socket.write(encodeFrame(FRAME.signal, signal));
  };
  for (const signal of PASSED_ON) process.on(signal, passOn);
  try {
    const report = await converse(socket, request, streams);
    if (report.problem !== undefined) {
      throw new LabError('spawn', `cannot run ${request.argv[0] ?? ''} in the guest: ${report.problem}`);
    }
    return report.code;
  } finally {
    for (const signal of PASSED_ON) process.off(signal, passOn);
    socket.destroy();
    streams.input.pause();
  }
}

function converse(socket: Socket, request: StartRequest, streams: ClientStreams): Promise<ExitReport> {
  const { input, output, error } = streams;
  const reader = new FrameReader();
  return new Promise((resolve, reject) => {
    const gone = (why: string): void => reject(new LabError('guest', `the guest ${why}`));
    const receive = (type: number, body: Buffer): void => {
      if (type === FRAME.exit) resolve(JSON.parse(body.toString()) as ExitReport);
      else if (type === FRAME.output) deliver(output, body);
      else if (type === FRAME.error) deliver(error, body);
    };
    const deliver = (stream: Writable, body: Buffer): void => {
      if (stream.write(body)) return;
      socket.pause();
      stream.once('drain', () => socket.resume());
    };
    socket.once('error', (cause) => gone(`cannot be reached: ${cause.message}`));
    socket.once('close', () => gone('went away while the command ran'));
    socket.on('data', (piece: Buffer) => {
      for (const { type, body } of reader.push(piece)) receive(type, body);
    });
    socket.write(encodeFrame(FRAME.start, JSON.stringify(request)));
    input.on('data', (piece: Buffer) => {
      if (socket.write(encodeFrame(FRAME.input, piece))) return;
      input.pause();
      socket.once('drain', () => input.resume());
    });
    input.once('end', () => socket.write(encodeFrame(FRAME.input)));
  });
}
