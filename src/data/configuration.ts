import { resolve } from 'node:path';
import Type, { type Static } from 'typebox';

/** Where the videos are, and how they are divided: the part of a search's configuration that names the data. */
export const DataConfiguration = Type.Object(
  {
    path: Type.String({
      minLength: 1,
      maxLength: 4096,
      description:
        'A folder of class folders, a folder with train, val and test folders of class folders, or a folder with train.csv, val.csv and test.csv.',
    }),
    root: Type.Optional(
      Type.String({
        maxLength: 4096,
        description: 'What the paths in lists are relative to. Default: path.',
      }),
    ),
    group: Type.Optional(
      Type.String({
        maxLength: 1000,
        description:
          'A regular expression (as RE2 has them) on the path below `path`; videos with the same first group stay in one part.',
      }),
    ),
    shares: Type.Optional(
      Type.Object(
        {
          train: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
          validation: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
          test: Type.Number({ minimum: 0, maximum: 1 }),
        },
        { additionalProperties: false, description: 'Shares of the videos (or groups), summing to 1.' },
      ),
    ),
    splitSeed: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Which split by shares. Default 0.',
      }),
    ),
    rate: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: 240,
        description:
          'Frames per second that strides count at, whatever the rate of a video. Default: the rate of most training videos.',
      }),
    ),
    flip: Type.Optional(Type.Boolean({ description: 'Random horizontal flips in training. Default true.' })),
    skipShare: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'The share of files that may be undecodable and skipped. Default 0.05.',
      }),
    ),
  },
  { additionalProperties: false },
);
export type DataConfiguration = Static<typeof DataConfiguration>;

/** Workers may run in other folders than this process. */
export const withAbsolutePaths = ({ path, root, ...rest }: DataConfiguration): DataConfiguration => ({
  ...rest,
  path: resolve(path),
  ...(root === undefined ? {} : { root: resolve(root) }),
});
