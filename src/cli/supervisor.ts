/**
 * One machine's process tree: Redis (unless there is one), the service (API and coordinator) and the workers. Each is
 * replaced when it dies, or no longer answers; a search goes on where it was, since all that it knows is in Redis and in
 * the home.
 */
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { ServerOptions } from '../api/server.js';
import { newToken } from '../api/tokens.js';
import type { X3dError } from '../errors.js';
import type { Home } from '../home.js';
import { type Card, cards, machineMemory } from '../machine.js';
import { checkRedis } from '../redis/checking.js';
import { asOnCpu } from '../training/memory.js';
import type { Device } from '../training/training.js';
import { type Kept, keep } from './kept.js';
import { keepRedis } from './kept-redis.js';
import { PACE, type Pace } from './restarts.js';

export interface Fleet {
  /** How many in all. Default: on CPUs the cores divided by the threads, on each card `perDevice`. */
  readonly workers?: number;
  /** Of each trainer. */
  readonly threads: number;
  readonly devices: readonly Device[];
  /** Workers on each CUDA card. */
  readonly perDevice: number;
  /** How long a candidate stays with a worker that fell silent, milliseconds. */
  readonly lockMs?: number;
  /** The command that trains, where it is the user's own. */
  readonly trainer?: string;
  /** The trainer's program, for tests that train nothing. */
  readonly trainerProgram?: string;
}

/** Where the service listens, and to whom. */
export interface Listening
  extends Pick<
    ServerOptions,
    'host' | 'port' | 'names' | 'dataRoots' | 'trustProxy' | 'tokenNeeded' | 'cacheLimit'
  > {
  /** PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

export interface SupervisorOptions {
  readonly home: Home;
  /** Of a Redis that runs; else one is embedded. */
  readonly redisUrl?: string;
  /** Absent where there are workers only. */
  readonly service?: Listening;
  readonly fleet: Fleet;
  /** Whether the processes' logs go to standard error. */
  readonly verbose: boolean;
  /** A process ended, or no longer answered, and is started again; what repeats is told ever more seldom. */
  readonly onReplaced: (name: string, why: string) => void;
  /** Default PACE. */
  readonly pace?: Pace;
}

export interface Supervisor {
  /** Of the service; empty where there is none. */
  readonly url: string;
  /** With which the service allows all. */
  readonly token: string;
  /** Resolves only when Redis or the service can't be kept alive. */
  readonly givenUp: Promise<X3dError>;
  /** Workers first, so that they give back what they train; Redis last. */
  stop(): Promise<void>;
}

const program = (path: string) => fileURLToPath(new URL(`../../dist/${path}`, import.meta.url));

/** The device of each worker. */
export function devicesOf({ workers, threads, devices, perDevice }: Fleet): Device[] {
  if (workers !== undefined)
    return Array.from({ length: workers }, (_, index) => devices[index % devices.length] ?? 'cpu');
  return devices.flatMap((device) =>
    Array<Device>(
      device === 'cpu' ? Math.max(1, Math.floor(availableParallelism() / threads)) : perDevice,
    ).fill(device),
  );
}

/** What is left to the system and to the other processes of the tree. */
const SPARE_SHARE = 0.1;

/** What one training may take on each worker's device, in bytes: its share of the machine, and of its card. */
export function memoriesOf(devices: readonly Device[], known: readonly Card[] = []): number[] {
  const share = (bytes: number, among: number) => Math.floor((bytes * (1 - SPARE_SHARE)) / among);
  const ofMachine = share(machineMemory().totalBytes, devices.length);
  return devices.map((device) => {
    const card = known.find(({ number }) => device === `cuda:${number}`);
    if (!card) return ofMachine;
    const among = devices.filter((other) => other === device).length;
    return Math.min(ofMachine, asOnCpu(share(card.memoryBytes, among)));
  });
}

/**
 * Starts the tree and keeps it alive until `stop`. Throws X3dError: environment where something can't start or Redis
 * does not answer, conflict where the home is in use, invalid-input for a URL that is not of a Redis.
 */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  const { home, service, fleet, verbose, onReplaced, pace = PACE } = options;
  let giveUp: (error: X3dError) => void = () => {};
  const givenUp = new Promise<X3dError>((resolve) => {
    giveUp = resolve;
  });
  if (options.redisUrl !== undefined) await checkRedis(options.redisUrl);
  const redis =
    options.redisUrl === undefined
      ? await keepRedis({ home, onReplaced, onGivenUp: giveUp, pace })
      : { url: options.redisUrl, stop: async () => {} };
  const { lockMs, trainer, trainerProgram } = fleet;
  const shared = {
    home: home.folder,
    quiet: !verbose,
    ...(lockMs === undefined ? {} : { lockMs }),
    ...(trainer === undefined ? {} : { trainer }),
  };
  const token = newToken();
  const environment = { REDIS_URL: redis.url };
  const watched = { verbose, onReplaced, environment, pace };
  const kept: Kept[] = [];
  const stop = async () => {
    const [first, ...rest] = kept;
    await Promise.all(rest.map((child) => child.stop()));
    await first?.stop();
    await redis.stop();
  };
  try {
    let url = '';
    if (service) {
      const api = await keep({
        ...watched,
        environment: { ...environment, X3D_OWNER_TOKEN: token },
        onGivenUp: giveUp,
        name: 'the service',
        program: program('service/main.js'),
        // Started again on the port of the first, so that its clients find it.
        argument: () => ({
          ...shared,
          ...service,
          port: url === '' ? service.port : Number(new URL(url).port || (service.tls ? 443 : 80)),
        }),
      });
      kept.push(api);
      url = api.url();
    }
    const { threads } = fleet;
    const devices = devicesOf(fleet);
    const memories = memoriesOf(devices, devices.some((device) => device !== 'cpu') ? cards() : []);
    // Together, and until each has made itself known: a search that begins now finds them. Later the service goes on
    // whatever becomes of them; it says that nobody trains.
    const workers = devices.map((device, index) => {
      const argument = {
        ...shared,
        device,
        threads,
        memoryBytes: memories[index],
        ...(trainerProgram === undefined ? {} : { trainerProgram }),
      };
      return keep({
        ...watched,
        name: `worker ${index + 1}`,
        program: program('workers/main.js'),
        argument: () => argument,
      });
    });
    const started = await Promise.allSettled(workers);
    for (const worker of started) if (worker.status === 'fulfilled') kept.push(worker.value);
    for (const worker of started) if (worker.status === 'rejected') throw worker.reason;
    return { url, token, givenUp, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
