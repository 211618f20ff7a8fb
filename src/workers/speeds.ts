/** How fast trainings are on the machines of a home: measured once for each kind of worker, and kept. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { writeJson } from '../files.js';
import type { Home } from '../home.js';
import type { BaseName } from '../network/index.js';
import { TRAINING_VERSION } from '../training/identity.js';
import { type Pace, Speed } from '../training/speed.js';
import type { Device } from '../training/training.js';
import { trainerEnvironment } from './child.js';

const CALIBRATOR = fileURLToPath(new URL('../../dist/workers/calibrator.js', import.meta.url));

/** A kind of worker: what decides how fast it trains. */
export interface Place {
  readonly host: string;
  readonly device: Device;
  readonly threads: number;
  /** Workers of this kind that train side by side. */
  readonly beside: number;
  readonly base: BaseName;
}

export type CalibratorReport =
  | { readonly kind: 'progress'; readonly done: number; readonly of: number }
  | { readonly kind: 'pace'; readonly pace: Pace & Pick<Speed, 'start'> }
  | { readonly kind: 'failure'; readonly reason: string };

const speed = Compile(Speed);

function fileOf({ speeds }: Home, { host, device, threads, beside, base }: Place): string {
  const name = [host, device.replace(':', ''), `${threads}x${beside}`, base].join('-');
  return join(speeds, `${name.replaceAll(/[^\w.-]/g, '_')}.json`);
}

/** What was measured of a kind of worker by this version; undefined where nothing was. */
export async function knownSpeed(home: Home, place: Place): Promise<Speed | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(fileOf(home, place), 'utf8'));
    return speed.Check(value) && value.version === TRAINING_VERSION ? value : undefined;
  } catch {
    return undefined;
  }
}

interface Watched {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, of: number) => void;
}

async function paceIn({ device, threads, base }: Place, { signal, onProgress }: Watched) {
  signal?.throwIfAborted();
  const child = fork(CALIBRATOR, [JSON.stringify({ base, device })], {
    env: trainerEnvironment(threads, device),
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  let last: CalibratorReport | undefined;
  child.on('message', (message: CalibratorReport) => {
    last = message;
    if (message.kind === 'progress') onProgress?.(message.done, message.of);
  });
  const kill = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', kill);
  try {
    const [code, killed] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    signal?.throwIfAborted();
    if (last?.kind === 'pace') return last.pace;
    throw new X3dError('environment', {
      subject: `--device ${device}`,
      expected: 'a device that a training step can be timed on',
      got: last?.kind === 'failure' ? last.reason : `an end by ${killed ?? `exit ${code}`}`,
      remedy: '`x3d-search doctor` shows what the machine has and lacks.',
    });
  } finally {
    signal?.removeEventListener('abort', kill);
  }
}

/**
 * Measures a kind of worker of this machine, as many of them side by side as there are, and keeps the mean. Takes half a
 * minute or less. Throws X3dError environment where the device can't be used, and the signal's reason when aborted.
 */
export async function measureSpeed(
  home: Home,
  place: Place,
  { signal, onProgress }: Watched = {},
): Promise<Speed> {
  const { device, threads, beside, base } = place;
  const done = new Map<number, number>();
  const paces = await Promise.all(
    Array.from({ length: beside }, (_, index) =>
      paceIn(place, {
        ...(signal ? { signal } : {}),
        onProgress: (own, of) => {
          done.set(index, own);
          onProgress?.(
            [...done.values()].reduce((a, b) => a + b, 0),
            beside * of,
          );
        },
      }),
    ),
  );
  const mean = (of: (pace: (typeof paces)[number]) => number) =>
    paces.reduce((sum, pace) => sum + of(pace), 0) / paces.length;
  const found: Speed = {
    device,
    threads,
    beside,
    base,
    version: TRAINING_VERSION,
    at: new Date().toISOString(),
    start: mean(({ start }) => start),
    perStep: mean(({ perStep }) => perStep),
    perMultiplyAdd: mean(({ perMultiplyAdd }) => perMultiplyAdd),
    perActivationByte: mean(({ perActivationByte }) => perActivationByte),
  };
  await writeJson(fileOf(home, place), found);
  return found;
}

export const isHere = ({ host }: Pick<Place, 'host'>): boolean => host === hostname();

/** The kinds of some workers; a kind has at most so many side by side as one search can use. */
export function placeOf(
  worker: Pick<Place, 'host' | 'device' | 'threads'>,
  workers: readonly Pick<Place, 'host' | 'device' | 'threads'>[],
  base: BaseName,
  most: number,
): Place {
  const { host, device, threads } = worker;
  const alike = workers.filter(
    (other) => other.host === host && other.device === device && other.threads === threads,
  ).length;
  return { host, device, threads, base, beside: Math.max(1, Math.min(most, alike)) };
}
