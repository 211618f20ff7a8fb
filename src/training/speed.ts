/**
 * How long trainings take on a device, as it was measured: a step takes a while of its own, and for each clip a time that
 * grows with the network's multiply-adds and with the activations that it writes.
 */
import Type, { type Static } from 'typebox';
import type { Cost } from '../flops/cost.js';
import type { Recipe } from './recipe.js';

const Seconds = Type.Number({ minimum: 0 });

export const Speed = Type.Object(
  {
    device: Type.String(),
    threads: Type.Integer({ minimum: 1, description: 'Of one trainer.' }),
    beside: Type.Integer({ minimum: 1, description: 'Trainings side by side when it was measured.' }),
    base: Type.String({ description: 'The networks that were measured are expansions of it.' }),
    version: Type.Integer({ description: 'Of the training code.' }),
    at: Type.String({ description: 'ISO time.' }),
    start: Type.Number({ minimum: 0, description: "Seconds from a training's start to its first step." }),
    perStep: Seconds,
    perMultiplyAdd: Type.Number({
      minimum: 0,
      description: 'Seconds a clip and multiply-add of the network.',
    }),
    perActivationByte: Type.Number({ minimum: 0, description: 'Seconds a clip and byte of activations.' }),
  },
  {
    additionalProperties: false,
    title: 'Speed',
    description: 'What a training step takes, as it was measured.',
  },
);
export type Speed = Static<typeof Speed>;
export type Pace = Pick<Speed, 'perStep' | 'perMultiplyAdd' | 'perActivationByte'>;

type Size = Pick<Cost, 'multiplyAdds' | 'activationBytes'>;

/** A measured step: so many clips of a network took so long. */
export interface MeasuredStep extends Size {
  readonly clips: number;
  readonly seconds: number;
}

const featuresOf = ({ clips, multiplyAdds, activationBytes }: Omit<MeasuredStep, 'seconds'>) => [
  1,
  clips * multiplyAdds,
  clips * activationBytes,
];

/** Sweeps of the least-squares fit: three numbers and a handful of steps cost nothing. */
const SWEEPS = 5000;

/**
 * The pace that comes nearest to the measured steps, by the squares of relative errors, with none of its three times
 * below nothing. Each is set in turn to its best where the others stand.
 */
export function fittedPace(measured: readonly MeasuredStep[]): Pace {
  const rows = measured.map((step) => featuresOf(step).map((feature) => feature / step.seconds));
  const times = [0, 0, 0];
  for (let sweep = 0; sweep < SWEEPS; sweep++)
    for (const k of times.keys()) {
      const own = rows.map((row) => row[k] ?? 0);
      const rest = rows.map(
        (row) => 1 - row.reduce((sum, value, j) => sum + (j === k ? 0 : value * (times[j] ?? 0)), 0),
      );
      const squares = own.reduce((sum, value) => sum + value * value, 0);
      const product = own.reduce((sum, value, i) => sum + value * (rest[i] ?? 0), 0);
      times[k] = squares === 0 ? 0 : Math.max(0, product / squares);
    }
  const [perStep = 0, perMultiplyAdd = 0, perActivationByte = 0] = times;
  return { perStep, perMultiplyAdd, perActivationByte };
}

/** Seconds of a step of so many clips. */
export function stepSeconds(pace: Pace, clips: number, size: Size): number {
  const [one = 0, multiplyAdds = 0, activations = 0] = featuresOf({ clips, ...size });
  return pace.perStep * one + pace.perMultiplyAdd * multiplyAdds + pace.perActivationByte * activations;
}

/** A forward pass, as a share of a step. */
const FORWARD = 1 / 3;

/** Seconds of a training whose evaluations look at so many videos, with the recipe's views of each. */
export function trainingSeconds(
  speed: Pace & Pick<Speed, 'start'>,
  { steps, batchSize, views }: Pick<Recipe, 'steps' | 'batchSize' | 'views'>,
  videos: number,
  size: Size,
): number {
  const testing = FORWARD * stepSeconds(speed, videos * views, size);
  return speed.start + steps * stepSeconds(speed, batchSize, size) + testing;
}
