/** The videos that a network was made with, as its search or its own training divided them: they lie in the run's folder. */
import type { Dataset } from '../data/index.js';
import type { NamedNetwork } from '../deployment/named.js';
import { readRecordedData, runOf } from '../search/reporting/record.js';
import type { SearchVideos } from '../training/held.js';

export interface Searched extends SearchVideos {
  /** The run's. */
  readonly name: string;
  readonly data: Dataset;
}

/** Undefined where the network does not lie in its run's folder. */
export async function searchedBy({ folder, name, saved }: NamedNetwork): Promise<Searched | undefined> {
  const run = runOf(folder);
  const data = run === undefined ? undefined : await readRecordedData(run);
  // Of a description that does not say, the videos that validated are not believed to have been kept out.
  return data && { name, data, videos: data.videos, trainedOn: saved.trainedOn ?? 'train-and-validation' };
}
