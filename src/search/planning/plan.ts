/**
 * What to know before a search begins: whether it can, what a careful colleague would warn of, and what it will take. One
 * pure function, for the terminal, the API and whoever shows it there.
 */
import { setImmediate } from 'node:timers/promises';
import Type, { type Static } from 'typebox';
import { storedBytes } from '../../data/batches.js';
import type { Dataset } from '../../data/index.js';
import { shortSides } from '../../network/index.js';
import { type Speed, trainingSeconds } from '../../training/speed.js';
import { EVALUATIONS, type Work } from '../../training/training.js';
import { SearchConfiguration } from '../configuration.js';
import { checksOn, summaryOf } from '../creation.js';
import { DatasetSummary } from '../events.js';
import { costOf, type Setting } from '../work.js';
import { type Foretold, figuresOf, foretell, networksIn, type Taking } from './foretelling.js';
import { WARNING_CODES, type Warning, warningsOn } from './warnings.js';

const exact = { additionalProperties: false };
const Amount = Type.Number({ minimum: 0 });

const Range = Type.Object(
  {
    likely: Amount,
    from: Amount,
    to: Amount,
  },
  { ...exact, title: 'Range' },
);
export type Range = Static<typeof Range>;

/** Minutes that real searches took, over what was estimated for them just before. */
const Experience = Type.Object(
  {
    searches: Type.Integer({
      minimum: 1,
      description: 'Real searches that an estimate was made for before they ran.',
    }),
    from: Type.Number({ description: 'The smallest of their minutes over the estimated ones.' }),
    to: Type.Number({ description: 'The largest.' }),
  },
  exact,
);

const Crew = Type.Object(
  {
    device: Type.String(),
    threads: Type.Integer(),
    workers: Type.Integer({ minimum: 1 }),
    measuredAt: Type.Optional(
      Type.String({ description: 'When its speed was measured; absent where that has not been done yet.' }),
    ),
  },
  { ...exact, title: 'Crew', description: 'Workers that are alike.' },
);
export type Crew = Static<typeof Crew>;

export const Estimate = Type.Object(
  {
    crews: Type.Array(Crew, { description: 'The workers at hand.' }),
    measuring: Type.Boolean({
      description:
        'Whether the speed of workers is being measured now: ask again in half a minute for `minutes`.',
    }),
    rounds: Range,
    trainings: Range,
    multiplyAdds: Range,
    minutes: Type.Optional(
      Type.Object(
        { ...Range.properties, experience: Experience },
        {
          ...exact,
          description:
            'From start to end. Absent where there are no workers or their speed is not known yet.',
        },
      ),
    ),
    diskBytes: Type.Object(
      {
        frames: Amount,
        trainings: Amount,
        total: Amount,
      },
      {
        ...exact,
        description: 'At most: decoded frames in the cache, weights and checkpoints of all trainings.',
      },
    ),
  },
  {
    ...exact,
    title: 'Estimate',
    description: 'What the search will take; `likely` is the median of what may come of it.',
  },
);
export type Estimate = Static<typeof Estimate>;

export const Plan = Type.Object(
  {
    configuration: SearchConfiguration,
    dataset: DatasetSummary,
    checks: Type.Array(
      Type.Object(
        {
          subject: Type.String({ description: 'The field of the configuration.' }),
          passed: Type.Boolean(),
          expected: Type.String(),
          got: Type.String(),
          remedy: Type.String(),
        },
        exact,
      ),
      { description: 'What a search is refused for; it can begin where all are passed.' },
    ),
    warnings: Type.Array(
      Type.Object(
        {
          code: Type.Enum([...WARNING_CODES]),
          message: Type.String({ description: 'For people, one or two sentences.' }),
          names: Type.Array(Type.String(), { description: 'Of the classes or videos that are meant.' }),
        },
        exact,
      ),
      { description: 'What a careful colleague would say; the worst first.' },
    ),
    estimate: Type.Optional(Estimate),
  },
  {
    title: 'Plan',
    description: 'A search before it begins: `estimate` is there where all checks are passed.',
  },
);
export type Plan = Static<typeof Plan>;

/** Searches that are foretold: the median of them, and how far they go apart. */
const DRAWS = 5;
/** After so much of a processor those that were foretold have to do: of very large networks one takes seconds. */
const MOST_SECONDS = 20;
/** What bench/estimates.mjs has recorded. */
export const EXPERIENCE: Static<typeof Experience> = { searches: 5, from: 0.93, to: 1.96 };

/** Parameters' bytes of a training's folder: its weights, and two checkpoints of four vectors while it runs. */
const WEIGHT_BYTES = 4;
const CHECKPOINT_BYTES = 2 * 4 * WEIGHT_BYTES;

export const rangeOf = (values: readonly number[]): Range => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? 0;
  return { likely: at(Math.floor(sorted.length / 2)), from: at(0), to: at(sorted.length - 1) };
};

/** Videos that a training's evaluations look at. */
const videosIn = ({ parts }: Pick<DatasetSummary, 'parts'>, work: Work): number =>
  work.evaluations.reduce((sum, name) => {
    const { part, strategy } = EVALUATIONS[name];
    return sum + (strategy === 'center' ? 1 : 3) * parts[part];
  }, 0);

/** A worker at hand, and how fast trainings are there, where that was measured. */
export interface WorkerAtHand {
  readonly device: string;
  readonly threads: number;
  readonly speed?: Speed;
  /** Whether it is being measured. */
  readonly measuring?: boolean;
}

function crewsOf(workers: readonly WorkerAtHand[]): Crew[] {
  const crews = new Map<string, Crew>();
  for (const { device, threads, speed } of workers) {
    const key = `${device} ${threads} ${speed?.at}`;
    const crew = crews.get(key) ?? {
      device,
      threads,
      workers: 0,
      ...(speed ? { measuredAt: speed.at } : {}),
    };
    crews.set(key, { ...crew, workers: crew.workers + 1 });
  }
  return [...crews.values()];
}

/** On a worker of that speed. */
export const takingOn =
  (setting: Setting, speed: Speed): Taking =>
  (work) =>
    trainingSeconds(speed, work.recipe, videosIn(setting.dataset, work), costOf(work.base, work.factors));

function diskOf(dataset: Dataset, foretold: readonly Foretold[]): Estimate['diskBytes'] {
  const largest = (of: (one: Foretold) => number) => Math.max(...foretold.map(of));
  const frames = largest((one) =>
    storedBytes(
      dataset,
      networksIn(one).map(({ crop }) => shortSides(crop).max),
    ),
  );
  const trainings = largest(({ state }) => {
    const parameters = state.candidates.flatMap(({ cost, trainings }) =>
      trainings.map(() => cost.parameters),
    );
    const final = state.final ? state.final.trainings.map(() => state.final?.cost.parameters ?? 0) : [];
    const all = [...parameters, ...final];
    return all.reduce((sum, count) => sum + WEIGHT_BYTES * count, 0) + CHECKPOINT_BYTES * Math.max(0, ...all);
  });
  return { frames, trainings, total: frames + trainings };
}

async function estimated(setting: Setting, dataset: Dataset, workers: readonly WorkerAtHand[]) {
  const speeds = workers.flatMap(({ speed }) => speed ?? []);
  const timed = workers.length > 0 && speeds.length === workers.length;
  const taking = timed ? speeds.map((speed) => takingOn(setting, speed)) : [() => 0];
  const foretold: Foretold[] = [];
  const seconds = () => process.cpuUsage().user / 1e6;
  const began = seconds();
  for (let draw = 0; draw < DRAWS && (draw === 0 || seconds() - began < MOST_SECONDS); draw++) {
    foretold.push(foretell(setting, taking, draw));
    await setImmediate();
  }
  const figures = foretold.map(figuresOf);
  const range = (name: keyof (typeof figures)[number]) => rangeOf(figures.map((own) => own[name]));
  const { likely } = range('minutes');
  const estimate: Estimate = {
    crews: crewsOf(workers),
    measuring: workers.some(({ measuring }) => measuring === true),
    rounds: range('rounds'),
    trainings: range('trainings'),
    multiplyAdds: range('multiplyAdds'),
    ...(timed
      ? {
          minutes: {
            likely,
            from: likely * EXPERIENCE.from,
            to: likely * EXPERIENCE.to,
            experience: EXPERIENCE,
          },
        }
      : {}),
    diskBytes: diskOf(dataset, foretold),
  };
  return { estimate, warnings: warningsFrom(foretold) };
}

/** What most of the searches that may come of it come to. */
function warningsFrom(foretold: readonly Foretold[]): Warning[] {
  const most = (of: (one: Foretold) => string | undefined) => {
    const reasons = foretold.flatMap((one) => of(one) ?? []);
    return 2 * reasons.length > foretold.length ? reasons[0] : undefined;
  };
  const unreachable = most(({ state }) => state.unreachable);
  const spent = most(({ state }) => state.spent);
  const rounds = rangeOf(foretold.map((one) => figuresOf(one).rounds)).likely;
  return [
    ...(unreachable === undefined
      ? []
      : [
          {
            code: 'target-out-of-reach' as const,
            message: `The search will probably end below the target: ${unreachable}.`,
            names: [],
          },
        ]),
    ...(spent === undefined
      ? []
      : [
          {
            code: 'budget-ends-it' as const,
            message: `The budget will probably end the search after ${rounds} ${rounds === 1 ? 'round' : 'rounds'}, before the target.`,
            names: [],
          },
        ]),
  ];
}

/** `configuration`: settled by these videos. Lets others have the process between a tenth of a second each. */
export async function planOf(
  configuration: SearchConfiguration,
  dataset: Dataset,
  workers: readonly WorkerAtHand[],
): Promise<Plan> {
  const summary = summaryOf(dataset);
  const setting = { configuration, dataset: summary };
  const checks = checksOn(setting);
  const refused = checks.some(({ passed }) => !passed);
  const { estimate, warnings = [] } = refused ? {} : await estimated(setting, dataset, workers);
  return {
    configuration,
    dataset: summary,
    checks,
    warnings: [...warnings, ...warningsOn(dataset)].map(({ names, ...rest }) => ({
      ...rest,
      names: [...names],
    })),
    ...(estimate ? { estimate } : {}),
  };
}
