/** The process that walks, matches and looks at what requests name, under the roots, and foretells; see readings.ts. */
import { workApart } from '../apart/child.js';
import { type Dataset, openDataset } from '../data/index.js';
import { startNamed } from '../deployment/starting.js';
import { homeAt } from '../home.js';
import type { ReadingAnswer, ReadingOrder, ReadingProgress } from './readings.js';
import { type Roots, rootsAt } from './roots.js';

const FILES_AT_ONCE = 64;

/** Links in a folder, and lists, may name files elsewhere. */
async function admitFiles(roots: Roots, { videos }: Dataset): Promise<void> {
  for (let first = 0; first < videos.length; first += FILES_AT_ONCE)
    await Promise.all(
      videos.slice(first, first + FILES_AT_ONCE).map(({ path }) => roots.admit('data.path', path)),
    );
}

workApart<ReadingOrder, ReadingAnswer, ReadingProgress>(async (order, { signal, onProgress }) => {
  if (order.kind === 'start')
    return { kind: 'started', weights: (await startNamed(order.named, homeAt(order.home))).pretrained.id };
  if (order.kind === 'plan') {
    // Now, not at the start: few requests need it.
    const { planOf } = await import('../search/planning/plan.js');
    return { kind: 'planned', plan: await planOf(order.configuration, order.opened, order.workers) };
  }
  const { configuration, cacheFolder, bounds, roots } = order;
  const dataset = await openDataset(configuration, {
    cacheFolder,
    bounds,
    signal,
    onProgress: (done, of) => onProgress({ done, of }),
  });
  await admitFiles(rootsAt(roots), dataset);
  return { kind: 'read', dataset };
});
