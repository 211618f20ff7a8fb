/** Connections that say nothing, and clients that hold more of them than one may: neither keeps others out. */
import type { Socket } from 'node:net';
import type { App } from './service.js';

export interface ConnectionBounds {
  /** Of all clients. */
  readonly all: number;
  /** Of one address; undefined where all come through a proxy. */
  readonly ofOne: number | undefined;
  /** For the first byte to come, milliseconds. */
  readonly silenceMs: number;
}

export function boundConnections({ server }: App, { all, ofOne, silenceMs }: ConnectionBounds): void {
  server.maxConnections = all;
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: from = '' } = socket;
    const own = (open.get(from) ?? 0) + 1;
    if (ofOne !== undefined && own > ofOne) {
      socket.destroy();
      return;
    }
    open.set(from, own);
    const silence = setTimeout(() => {
      if (socket.bytesRead === 0) socket.destroy();
    }, silenceMs).unref();
    socket.once('close', () => {
      clearTimeout(silence);
      const left = (open.get(from) ?? 1) - 1;
      if (left > 0) open.set(from, left);
      else open.delete(from);
    });
  });
}
