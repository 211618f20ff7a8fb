import type { Logger } from 'pino';
import { X3dError } from '../errors.js';
import { type AppOptions, buildApp } from './app.js';

export interface ServerOptions extends AppOptions {
  readonly host: string;
  /** 0 for a free one. */
  readonly port: number;
  readonly log: Logger;
}

export interface RunningServer {
  /** Where it listens, as http://127.0.0.1:8080. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Throws X3dError environment where the address can't be listened on. */
export async function startServer({ host, port, ...options }: ServerOptions): Promise<RunningServer> {
  const app = await buildApp(options);
  try {
    const url = await app.listen({ host, port });
    return { url, stop: () => app.close() };
  } catch (cause) {
    await app.close();
    throw new X3dError(
      'environment',
      {
        subject: '--host and --port',
        expected: 'an address to listen on',
        got: `${host}:${port} (${(cause as NodeJS.ErrnoException).code})`,
        remedy: 'Give another --port, or 0 for a free one.',
      },
      { cause },
    );
  }
}
