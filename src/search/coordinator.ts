/**
 * The coordinator: reads a search's log, decides, does, records; again, until there is nothing to do but wait. Each
 * step is safe to be cut off and to be repeated, by this process or another: trainings are asked for under ids of
 * their content, and an event is recorded only after the version it was decided on. So any number of coordinators,
 * killed at any time, make the same trajectory.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Home } from '../home.js';
import { copyTrained } from '../training/keeping.js';
import {
  outcomeOf,
  type SeenVideos,
  type TrainingFailure,
  type TrainingResult,
  type Work,
} from '../training/training.js';
import { decide } from './decide.js';
import { type NewEvent, stamped } from './events.js';
import { apply } from './fold.js';
import { appendEvents, readSearch, wasRemoved } from './log.js';
import { networkDescription } from './report.js';
import { finalTraining, isOpen, type SearchState, type TrainingState, trainingsOf } from './state.js';

export type TrainingStatus =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'training'; readonly worker: string }
  | { readonly kind: 'finished'; readonly result: TrainingResult }
  | { readonly kind: 'failed'; readonly failure: TrainingFailure };

export interface Order {
  readonly work: Work;
  readonly videos: SeenVideos;
}

/** Who trains: the queue of trainings and its workers. */
export interface Trainings {
  /** Sees to it that a training is done, once, and that `search` is told. Safe to repeat. */
  request(search: string, training: string, order: Order): Promise<void>;
  /** As `request`, for one that has ended: whether all that it left is there. */
  restore(search: string, training: string, order: Order): Promise<boolean>;
  status(training: string): Promise<TrainingStatus>;
  /** The search has recorded the outcome, or no longer wants it. Safe to repeat. */
  release(search: string, training: string): Promise<void>;
}

export interface Coordination {
  readonly redis: Redis;
  readonly home: Home;
  readonly trainings: Trainings;
  /** Writes what people look at into the run's folder. Safe to repeat. */
  readonly report: (state: SearchState, home: Home) => Promise<void>;
  /** Something that people should hear of has happened to a search. */
  readonly warn: (search: string, message: string) => void;
}

function orderOf({ dataset }: SearchState, { work }: Pick<TrainingState, 'work'>): Order {
  const { parts, skipped, fingerprint } = dataset;
  const usable = parts.train + parts.validation + parts.test;
  return { work, videos: { fingerprint, usable, skipped } };
}

/** Asks for what is not asked for yet, and says what has happened since. */
async function look(
  { trainings }: Coordination,
  state: SearchState,
  { id: training, work, progress }: TrainingState,
): Promise<NewEvent[]> {
  await trainings.request(state.id, training, orderOf(state, { work }));
  const status = await trainings.status(training);
  switch (status.kind) {
    case 'training':
      return progress.kind === 'started' && progress.worker === status.worker
        ? []
        : [{ kind: 'training-started', training, worker: status.worker }];
    case 'finished':
      return [{ kind: 'training-finished', training, outcome: outcomeOf(status.result) }];
    case 'failed':
      return [{ kind: 'training-failed', training, failure: status.failure }];
    default:
      return [];
  }
}

/**
 * Copies the trained network from its training's folder into the run's, whole or not at all, with its description.
 * False where what the training left is gone or damaged: it is made again first.
 */
async function keepNetwork({ home, trainings, warn }: Coordination, state: SearchState): Promise<boolean> {
  const { final } = state;
  const training = finalTraining(state);
  if (!final || !training) throw new Error(`search ${state.id} ends without a network`);
  if (!(await trainings.restore(state.id, training.id, orderOf(state, training)))) return false;
  const target = join(home.run(state.id), 'network');
  return copyTrained(home.candidate(training.id), target, networkDescription(state, final), (name, aside) =>
    warn(
      state.id,
      `${join(target, name)} was damaged: the network is put in place anew, the other is ${aside}`,
    ),
  );
}

/** Trainings whose outcome these events record. */
const settledBy = (events: readonly NewEvent[]): string[] =>
  events.flatMap((event) =>
    event.kind === 'training-finished' || event.kind === 'training-failed' ? [event.training] : [],
  );

/** Those of the trainings that the search waits for no more. */
function noLongerOpen(trainings: readonly TrainingState[], state: SearchState): string[] {
  const open = state.status.kind === 'running' ? trainingsOf(state).filter(isOpen) : [];
  const wanted = new Set(open.map(({ id }) => id));
  return trainings.map(({ id }) => id).filter((id) => !wanted.has(id));
}

/** After these the run's folder is written anew. */
const REPORTED: ReadonlySet<NewEvent['kind']> = new Set(['round-started', 'final-proposed']);

const withEvents = (state: SearchState, events: readonly NewEvent[], at: Date): SearchState =>
  events.reduce<SearchState>((folded, event) => apply(folded, stamped(event, at.toISOString())), state);

/**
 * Does all that can be done in a search now. Gives back its state: one that still runs waits for trainings; one that
 * is over has its folder written and nothing left to do. Undefined where there is no such search.
 */
export async function advance(coordination: Coordination, search: string): Promise<SearchState | undefined> {
  const { redis, home, trainings } = coordination;
  /**
   * Whoever removes a search removes its folder, but can't wait for one who is just writing into it; that it could not be
   * written then is no fault.
   */
  const report = async (state: SearchState) => {
    const [written] = await Promise.allSettled([coordination.report(state, home)]);
    if (await wasRemoved(redis, search)) await rm(home.run(search), { recursive: true, force: true });
    else if (written.status === 'rejected') throw written.reason;
  };
  /** Files first where the events end the search, so that who sees the end finds them. */
  const record = async (state: SearchState, events: readonly NewEvent[]) => {
    const at = new Date();
    const next = withEvents(state, events, at);
    if (next.status.kind !== 'running') await report(next);
    const appended = await appendEvents(redis, search, state.version, events, at);
    // On the way it is there to be looked at, and stops nothing where it can't be written.
    if (appended && next.status.kind === 'running' && events.some(({ kind }) => REPORTED.has(kind)))
      await report(next).catch(() => {});
    return appended;
  };
  const release = (ids: readonly string[]) =>
    Promise.all(ids.map((training) => trainings.release(search, training)));
  for (;;) {
    const state = await readSearch(redis, search);
    if (!state) return undefined;
    const decision = decide(state);
    switch (decision.kind) {
      case 'append':
        await record(state, decision.events);
        break;
      case 'train': {
        const events = (
          await Promise.all(decision.trainings.map((training) => look(coordination, state, training)))
        ).flat();
        if (events.length > 0 && (await record(state, events))) {
          await release(settledBy(events));
          break;
        }
        const now = await readSearch(redis, search);
        if (!now || now.version === state.version) return state;
        // Another was quicker: what this one has asked for may be wanted no more.
        await release(noLongerOpen(decision.trainings, now));
        break;
      }
      case 'end': {
        if (!(await keepNetwork(coordination, state))) return state;
        await record(state, [{ kind: 'search-ended' }]);
        break;
      }
      case 'nothing':
        // All of them: who recorded an outcome may have died before it let go.
        await release(trainingsOf(state).map(({ id }) => id));
        await report(state);
        return state;
    }
  }
}
