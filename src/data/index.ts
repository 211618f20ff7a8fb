export {
  type Batch,
  type BatchSource,
  type FrameStore,
  type TrainingPlan,
  trainingBatches,
  type VideoViews,
  type ViewPlan,
  viewBatches,
} from './batches.js';
export { DataConfiguration, withAbsolutePaths } from './configuration.js';
export { type DataLimits, type Dataset, PARTS, type Part, type SkippedFile, type Video } from './dataset.js';
export { listText } from './listed.js';
export { type OpenOptions, openDataset } from './opening.js';
export { measured, type Probed, probeAll } from './probing.js';
export { type ViewDraws, viewDraws } from './sampling.js';
export { type TimedClip, visitViews } from './streaming.js';
export { commonRate, timeOf } from './timing.js';
export { startWalk } from './walking.js';
