/**
 * The library: what `import { ... } from 'x3d-search'` gives. Networks and their costs as data, the search with an
 * evaluator of one's own, a client of the service. docs/library.md has an example of each.
 */

export type { Happening } from './cli/client.js';
export {
  type CandidateDetail,
  connect,
  connectToHome,
  type FinalDetail,
  type Page,
  type Prediction,
  type RemovedSearch,
  type SearchPage,
  type SearchView,
  type X3dClient,
} from './client.js';
export { ERROR_KINDS, type ErrorFacts, type ErrorKind, X3dError } from './errors.js';
export { type Cost, type LayerCost, layerCost, networkCost } from './flops/cost.js';
export {
  AXES,
  type Axis,
  BASES,
  type BaseName,
  type BaseNetwork,
  describeNetwork,
  type Factors,
  type Layer,
  layersOf,
  MODELS,
  type ModelName,
  type Network,
  type NetworkOptions,
  type Shape,
} from './network/index.js';
export type { SearchInput } from './search/configuration.js';
export {
  type Evaluation,
  type Evaluator,
  type Measured,
  type SearchOptions,
  type SearchSpace,
  search,
} from './search/evaluator.js';
export type { CandidateCost, Choice, SearchEvent } from './search/events.js';
export { fold } from './search/fold.js';
export type { SearchState } from './search/state.js';
export { trajectoryOf } from './search/trajectory.js';
export type { Trajectory } from './search/views.js';
export type { Recipe } from './training/recipe.js';
export type { Outcome, Score, TrainingProgress } from './training/training.js';
export { VERSION } from './version.js';
export type { WorkerRecord } from './workers/registry.js';
