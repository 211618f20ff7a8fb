/** What a training said of each video, where it was tested: `predictions.json` in its folder. */
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { writeWhole } from '../files.js';
import { readWritten } from '../sums.js';
import { EVALUATION_NAMES } from './training.js';

export const VideoPrediction = Type.Object({
  evaluation: Type.Enum(EVALUATION_NAMES),
  video: Type.String({ description: 'Its name in the data set.' }),
  label: Type.Integer({ minimum: 0, description: 'Its class.' }),
  predicted: Type.Integer({ minimum: 0 }),
  score: Type.Number({ description: 'Of the class that was predicted.' }),
  likelihood: Type.Number({ description: "Score of the video's own class." }),
});
export type VideoPrediction = Static<typeof VideoPrediction>;

const kept = Compile(Type.Array(VideoPrediction));
const fileIn = (folder: string) => join(folder, 'predictions.json');

export const writePredictions = (folder: string, predictions: readonly VideoPrediction[]): Promise<void> =>
  writeWhole(fileIn(folder), JSON.stringify(predictions));

/** Undefined for a training of a version that did not keep them. Throws X3dError environment where they are damaged. */
export async function readPredictions(folder: string): Promise<VideoPrediction[] | undefined> {
  const value = await readWritten(fileIn(folder));
  return kept.Check(value) ? value : undefined;
}

/** Those that are wrong, the worst first: where the own class had the lowest score. */
export const mistakesIn = <Own extends Pick<VideoPrediction, 'label' | 'predicted' | 'likelihood' | 'score'>>(
  all: readonly Own[],
): Own[] =>
  all
    .filter(({ label, predicted }) => label !== predicted)
    .sort((a, b) => a.likelihood - b.likelihood || b.score - a.score);
