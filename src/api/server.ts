import type { Logger } from 'pino';
import { X3dError } from '../errors.js';
import { refuseOpenDoor } from './access.js';
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

/** Throws X3dError: environment where the address can't be listened on, invalid-input where all could get in there. */
export async function startServer({ host, port, ...options }: ServerOptions): Promise<RunningServer> {
  await refuseOpenDoor(options.home, { ...options, host });
  const app = await buildApp({ ...options, host });
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
