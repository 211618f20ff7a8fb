/** A network between a process and Redis that a test can break: a TCP proxy. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface BrokenNetwork {
  readonly url: string;
  /** Closes all connections. */
  cut(): void;
  /** Brings nothing through for a while, without a word to either side. */
  hold(ms: number): Promise<void>;
  /** Brings everything through so much later. */
  delay(ms: number): void;
  close(): void;
}

export async function openProxy(redisUrl: string): Promise<BrokenNetwork> {
  const port = Number(new URL(redisUrl).port);
  const sockets = new Set<Socket>();
  let held = false;
  let delayMs = 0;
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  };
  const bring = (from: Socket, to: Socket) => {
    let before = Promise.resolve();
    from.on('data', (bytes) => {
      // In order, however long each waits.
      before = before.then(async () => {
        if (delayMs > 0) await sleep(delayMs);
        while (held) await sleep(20);
        if (!to.destroyed) to.write(bytes);
      });
    });
    from.on('close', () => to.destroy());
  };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    track(client);
    track(upstream);
    bring(client, upstream);
    bring(upstream, client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as { port: number };
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `redis://127.0.0.1:${address.port}`,
    cut,
    hold: async (ms) => {
      held = true;
      await sleep(ms);
      held = false;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    close: () => {
      cut();
      server.close();
    },
  };
}
