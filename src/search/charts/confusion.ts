/** Which classes are taken for which. */
import type { TopLevelSpec } from 'vega-lite';
import { framed, LIGHT, type Look, percent } from '../picture.js';

/** More classes than this have no room for figures. */
const MOST_FIGURES = 25;

export interface ConfusionRow {
  readonly class: string;
  readonly predicted: string;
  readonly videos: number;
  /** Of the class's videos, percent. */
  readonly share: number;
}

/** `confusion`: rows are true classes, columns predictions. */
export const confusionRows = (
  classes: readonly string[],
  confusion: readonly (readonly number[])[],
): ConfusionRow[] =>
  confusion.flatMap((row, label) => {
    const all = row.reduce((sum, videos) => sum + videos, 0);
    return row.map((videos, predicted) => ({
      class: classes[label] ?? String(label),
      predicted: classes[predicted] ?? String(predicted),
      videos,
      share: all === 0 ? 0 : percent(videos / all),
    }));
  });

/** Of each class: its videos, and the share of them that was recognised, percent. */
export const classRows = (classes: readonly string[], confusion: readonly (readonly number[])[]) =>
  confusion.map((row, label) => {
    const videos = row.reduce((sum, count) => sum + count, 0);
    const right = row[label] ?? 0;
    const asked = confusion.reduce((sum, other) => sum + (other[label] ?? 0), 0);
    return {
      class: classes[label] ?? String(label),
      videos,
      right,
      accuracy: videos === 0 ? undefined : percent(right / videos),
      /** Videos that were taken for it. */
      predicted: asked,
    };
  });

export function confusionSpecification(
  classes: readonly string[],
  confusion: readonly (readonly number[])[],
  look: Look = LIGHT,
): TopLevelSpec {
  // Cells are narrower than words then.
  const dense = classes.length > MOST_FIGURES;
  const x = {
    field: 'predicted',
    type: 'nominal',
    sort: null,
    title: 'predicted',
    axis: dense
      ? { labelAngle: -90, labelLimit: 90, labelOverlap: 'greedy' as const, labelSeparation: 2 }
      : { labelAngle: -45, labelLimit: 90 },
  } as const;
  const y = {
    field: 'class',
    type: 'nominal',
    sort: null,
    title: 'class',
    axis: { labelLimit: 110, labelOverlap: dense && ('greedy' as const) },
  } as const;
  const data = { values: confusionRows(classes, confusion) };
  return framed(
    'Confusion matrix',
    ["shades are shares of each class's videos"],
    [
      {
        data,
        mark: { type: 'rect', ...(dense ? {} : { stroke: look.grid }), tooltip: { content: 'data' } },
        encoding: {
          x,
          y,
          color: {
            field: 'share',
            type: 'quantitative',
            // By red, green and blue: white has no hue to go on from.
            scale: { domain: [0, 100], range: [look.ground, '#0072b2'], interpolate: 'rgb' },
            legend: null,
          },
        },
      },
      ...(!dense
        ? [
            {
              data,
              transform: [{ filter: 'datum.videos > 0' }],
              mark: { type: 'text' as const, fontSize: 12 },
              encoding: {
                x,
                y,
                text: { field: 'videos' },
                color: {
                  condition: { test: 'datum.share > 75', value: 'white' },
                  value: look.ink,
                },
              },
            },
          ]
        : []),
    ],
    { height: Math.max(160, Math.min(560, 26 * classes.length)), look },
  );
}
