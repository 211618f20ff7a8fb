/**
 * The trainer: a process of its own that trains one candidate for its worker and ends. TensorFlow's crashes, its
 * memory and its blocking calls stay in here; checkpoints make it safe to kill at any time.
 */
import { openDataset } from '../data/index.js';
import { X3dError } from '../errors.js';
import type { TrainingResult } from '../training/training.js';
import { failureOf } from './faults.js';
import type { TrainerOrder, TrainerReport } from './job.js';

const report = (message: TrainerReport): Promise<void> =>
  new Promise((done) => {
    if (!process.send?.(message, undefined, {}, () => done())) done();
  });

async function trainFor({ request, videos }: TrainerOrder): Promise<TrainingResult> {
  const dataset = await openDataset(request.data, {
    cacheFolder: request.cacheFolder,
    onProgress: (done, of) => void report({ kind: 'progress', progress: { phase: 'data', done, of } }),
  });
  if (dataset.fingerprint !== videos.fingerprint)
    throw new X3dError('data', {
      subject: request.data.path,
      expected: `the videos that the search was made on (fingerprint ${videos.fingerprint.slice(0, 12)})`,
      got: `others (${dataset.fingerprint.slice(0, 12)})`,
      remedy: 'Give every worker the same videos; start a new search after changing them.',
    });
  // Now, not at the start: data are refused without it, and a library that does not load is a failure with a reason.
  const train =
    request.trainer === undefined
      ? (await import('../training/train.js')).train
      : (await import('./outside.js')).trainOutside;
  return train(request, { dataset, onProgress: (progress) => void report({ kind: 'progress', progress }) });
}

process.on('disconnect', () => process.exit(1));
process.once('message', async (order) => {
  try {
    const result = await trainFor(order as TrainerOrder);
    await report({ kind: 'result', result });
  } catch (error) {
    await report({ kind: 'failure', failure: await failureOf(error, order as TrainerOrder) });
  }
  process.exit(0);
});
