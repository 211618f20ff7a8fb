/**
 * What a search began from, in its run's folder, so that it can be repeated and tested where the search itself is gone:
 *
 *   configuration.json  as it was given; `run --config` reads it
 *   resolved.json       with every default filled in
 *   data.json           every video with its class, part, group and digest; what was skipped, and why
 *   split/              train.csv, val.csv, test.csv and classes.txt, as this program and SlowFast read them
 */
import { basename, dirname, join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { csvCell } from '../../csv.js';
import { type Dataset, PARTS, type Part } from '../../data/index.js';
import { jsonText } from '../../files.js';
import type { Home } from '../../home.js';
import { readWritten, writeSummed } from '../../sums.js';
import type { SearchConfiguration } from '../configuration.js';

export interface Beginning {
  /** As the user wrote it. */
  readonly given: unknown;
  readonly configuration: SearchConfiguration;
  readonly opened: Dataset;
}

const FILES = { given: 'configuration.json', resolved: 'resolved.json', data: 'data.json' } as const;
export const SPLIT = 'split';
const LISTS: Readonly<Record<Part, string>> = { train: 'train.csv', validation: 'val.csv', test: 'test.csv' };

/** What divides path and label: SlowFast's own space, where no path has one. */
const separatorOf = (paths: readonly string[]): string =>
  [' ', ',', '\t'].find((separator) => !paths.some((path) => path.includes(separator))) ?? ',';

/** The lists by the names of their files. */
function splitOf({ videos, classes }: Dataset): Record<string, string> {
  const separator = separatorOf(videos.map(({ path }) => path));
  const lists = PARTS.map((part) => {
    const lines = videos
      .filter((video) => video.part === part)
      .map(({ path, label }) => `${csvCell(path, separator)}${separator}${label}\n`);
    return [LISTS[part], lines.join('')] as const;
  });
  return {
    ...Object.fromEntries(lists.filter(([, lines]) => lines !== '')),
    'classes.txt': classes.map((name) => `${name}\n`).join(''),
  };
}

/** Every video, and the split as lists, into a run's folder. Safe to repeat. */
export async function recordData(folder: string, opened: Dataset): Promise<void> {
  await writeSummed(folder, { [FILES.data]: `${JSON.stringify(opened)}\n` });
  await writeSummed(join(folder, SPLIT), splitOf(opened));
}

/** Written before the search's first event. Safe to repeat. */
export async function recordBeginning(
  home: Home,
  search: string,
  { given, configuration, opened }: Beginning,
): Promise<void> {
  const folder = home.run(search);
  const { data } = configuration;
  await writeSummed(folder, {
    [FILES.given]: jsonText({ ...(given as object), data }),
    [FILES.resolved]: jsonText(configuration),
  });
  await recordData(folder, opened);
}

const Count = Type.Integer({ minimum: 0 });
const Name = Type.String();
const RecordedVideo = Type.Object({
  path: Name,
  name: Name,
  label: Count,
  part: Type.Enum([...PARTS]),
  group: Type.Optional(Name),
  frames: Count,
  width: Count,
  height: Count,
  framesPerSecond: Type.Number({ exclusiveMinimum: 0 }),
  times: Type.Optional(Type.Array(Type.Number())),
  seconds: Type.Number({ minimum: 0 }),
  digest: Name,
});
const RecordedData = Type.Object({
  classes: Type.Array(Name),
  videos: Type.Array(RecordedVideo),
  parts: Type.Object({ train: Count, validation: Count, test: Count }),
  skipped: Type.Array(Type.Object({ path: Name, reason: Name })),
  noVideo: Type.Array(Type.Object({ reason: Name, files: Count, first: Name })),
  remarks: Type.Array(Type.Object({ path: Name, remark: Name })),
  fingerprint: Name,
  limits: Type.Object({ maxSpan: Count, maxCrop: Count }),
  rate: Type.Number({ exclusiveMinimum: 0 }),
  pixels: Type.Object({ mean: Type.Number(), deviation: Type.Number() }),
  dividedAsGiven: Type.Boolean(),
  flip: Type.Boolean(),
});
const recordedData = Compile(RecordedData);

/**
 * The videos of the search in a run's folder; undefined where it holds none, as those of earlier versions. Throws X3dError
 * environment where they are damaged.
 */
export async function readRecordedData(folder: string): Promise<Dataset | undefined> {
  const value = await readWritten(join(folder, FILES.data));
  return recordedData.Check(value) ? (value as Static<typeof RecordedData> as Dataset) : undefined;
}

/** The run's folder that a network's folder is in. */
export const runOf = (network: string): string | undefined =>
  basename(network) === 'network' ? dirname(network) : undefined;

/** The command that repeats a search, to be given in its run's folder. */
export const repeatingCommand = ({ seed, memory }: SearchConfiguration): string =>
  `x3d-search run --config ${FILES.given} --seed ${seed}${memory === undefined ? '' : ` --memory ${memory}`}`;
