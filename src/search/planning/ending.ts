/**
 * When a search that runs will be over: what is left of it, foretold as a plan foretells the whole, at the pace that its
 * trainings had so far. One pure function of the state, the workers and the time.
 */
import Type, { type Static } from 'typebox';
import type { Speed } from '../../training/speed.js';
import { type SearchState, type TrainingState, trainingsOf } from '../state.js';
import { costOf, trainingMultiplyAdds } from '../work.js';
import { foretellRest, type Taking } from './foretelling.js';
import { EXPERIENCE, rangeOf, takingOn } from './plan.js';

const Time = Type.String({ description: 'ISO time.' });

export const Ending = Type.Object(
  { likely: Time, from: Time, to: Time },
  {
    additionalProperties: false,
    title: 'Ending',
    description:
      'When the search will be over if the workers at hand do nothing else; absent where their pace is not known yet.',
  },
);
export type Ending = Static<typeof Ending>;

/** Those that may come of it. */
const DRAWS = 3;

/** By the measured speed of a worker; in multiply-adds, whatever their pace, where there is none. */
const takingBy = (state: SearchState, speed: Speed | undefined): Taking =>
  speed ? takingOn(state, speed) : (work) => trainingMultiplyAdds(work, costOf(work.base, work.factors));

/**
 * Seconds that workers were at the trainings which are finished, over what they would have been by this; undefined before
 * the first. Trainings that another search had done took none.
 */
function pace(state: SearchState, taking: Taking): number | undefined {
  let took = 0;
  let foretold = 0;
  for (const { progress, startedAt, work } of trainingsOf(state)) {
    if (progress.kind !== 'finished' || startedAt === undefined) continue;
    took += (Date.parse(progress.at) - Date.parse(startedAt)) / 1000;
    foretold += taking(work);
  }
  return foretold > 0 && took > 0 ? took / foretold : undefined;
}

/**
 * `speeds`: of each worker at hand, where it was measured. Undefined for a search that does not run, and where nothing says
 * how fast trainings are. Takes seconds for a search of many trainings.
 */
export function endingOf(
  state: SearchState,
  speeds: readonly (Speed | undefined)[],
  now: Date,
): Ending | undefined {
  if (state.status.kind !== 'running' || speeds.length === 0) return undefined;
  const [known] = speeds.flatMap((speed) => speed ?? []);
  const own = pace(state, takingBy(state, known));
  if (own === undefined && known === undefined) return undefined;
  const workers = speeds.map((speed): Taking => {
    const taking = takingBy(state, speed ?? known);
    return (work) => (own ?? 1) * taking(work);
  });
  const done = ({ progress }: TrainingState) =>
    progress.kind === 'started' ? Math.max(0, now.getTime() - Date.parse(progress.at)) / 1000 : 0;
  const left = Array.from({ length: DRAWS }, (_, draw) => foretellRest(state, workers, draw, done).seconds);
  const { likely, from, to } = rangeOf(left);
  const at = (seconds: number) => new Date(now.getTime() + 1000 * seconds).toISOString();
  // Beside its own ways to go, it may go as other searches went beside their estimates.
  return { likely: at(likely), from: at(from * EXPERIENCE.from), to: at(to * EXPERIENCE.to) };
}
