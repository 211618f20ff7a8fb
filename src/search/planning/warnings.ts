/** What a careful colleague would say of a set of videos before a search is run on it. */
import type { Dataset, Part, Video } from '../../data/index.js';

export const WARNING_CODES = [
  'no-validation-videos',
  'no-test-part',
  'same-content',
  'short-videos',
  'mixed-rates',
  'rate-tells-class',
  'too-few-to-tell',
  'uneven-classes',
  'no-groups',
  'skipped-files',
  'target-out-of-reach',
  'budget-ends-it',
] as const;

export interface Warning {
  readonly code: (typeof WARNING_CODES)[number];
  /** One or two sentences. */
  readonly message: string;
  /** Of the classes or videos that are meant. */
  readonly names: readonly string[];
}

type Warned = Pick<Dataset, 'classes' | 'videos' | 'parts' | 'skipped' | 'rate' | 'dividedAsGiven'>;

/** Names in one sentence. */
const NAMED = 3;

const few = (names: readonly string[]): string =>
  names.slice(0, NAMED).join(', ') + (names.length > NAMED ? ` and ${names.length - NAMED} more` : '');

const counted = (count: number, one: string, more = `${one}s`): string =>
  `${count} ${count === 1 ? one : more}`;

const PART_NAMES: Readonly<Record<Part, string>> = {
  train: 'training',
  validation: 'validation',
  test: 'test',
};

function withoutVideos({ classes, videos, parts }: Warned): Warning[] {
  return (['validation', 'test'] as const).flatMap((part): Warning[] => {
    if (parts[part] === 0) return [];
    const present = new Set(videos.flatMap((video) => (video.part === part ? [video.label] : [])));
    const names = classes.filter((_, label) => !present.has(label));
    if (names.length === 0) return [];
    return [
      {
        code: 'no-validation-videos',
        message: `${counted(names.length, 'class has', 'classes have')} no ${part} videos: ${few(names)}. Nothing ${part === 'validation' ? 'in the search' : 'at the end'} says how well they are recognised.`,
        names,
      },
    ];
  });
}

const noTest = ({ parts }: Warned): Warning[] =>
  parts.test > 0
    ? []
    : [
        {
          code: 'no-test-part',
          message:
            'There is no test part: the final figure will be on the videos that chose the network, and too high.',
          names: [],
        },
      ];

/** Copies in two parts or two classes. */
function sameContent({ videos }: Warned): Warning[] {
  const first = new Map<string, Video>();
  const names = videos.flatMap((video) => {
    const other = first.get(video.digest);
    if (!other) first.set(video.digest, video);
    return other && (other.part !== video.part || other.label !== video.label)
      ? [`${video.name} (${PART_NAMES[video.part]}) = ${other.name} (${PART_NAMES[other.part]})`]
      : [];
  });
  if (names.length === 0) return [];
  return [
    {
      code: 'same-content',
      message: `${counted(names.length, 'video has', 'videos have')} the same content as one in another part or class: ${few(names)}. What is trained on can't be tested on.`,
      names,
    },
  ];
}

const SHORT_SECONDS = 1;

function short({ videos }: Warned): Warning[] {
  const names = videos.filter(({ seconds }) => seconds < SHORT_SECONDS).map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    {
      code: 'short-videos',
      message: `${counted(names.length, 'video is', 'videos are')} shorter than a second: ${few(names)}. Longer clips show them more than once.`,
      names,
    },
  ];
}

/** Rates closer than this are the same: 29.97 and 30. */
const SAME_RATE = 0.02;

/** Groups of rates that differ, each by its lowest, with its videos. */
function ratesOf(videos: readonly Video[]): { readonly rate: number; readonly videos: readonly Video[] }[] {
  const groups: { rate: number; videos: Video[] }[] = [];
  for (const video of [...videos].sort((a, b) => a.framesPerSecond - b.framesPerSecond)) {
    const last = groups.at(-1);
    if (last && video.framesPerSecond <= last.rate * (1 + SAME_RATE)) last.videos.push(video);
    else groups.push({ rate: video.framesPerSecond, videos: [video] });
  }
  return groups.sort((a, b) => b.videos.length - a.videos.length);
}

const shownRate = (rate: number) => String(Number(rate.toFixed(2)));

function rates({ videos, classes, rate }: Warned): Warning[] {
  const groups = ratesOf(videos);
  const varying = videos.filter(({ times }) => times !== undefined).length;
  if (groups.length < 2 && varying === 0) return [];
  const shown = groups
    .slice(0, NAMED)
    .map((group) => `${shownRate(group.rate)} (${counted(group.videos.length, 'video')})`);
  const rest = groups.length - shown.length;
  const mixed: Warning = {
    code: 'mixed-rates',
    message: `The videos differ in frames per second: ${shown.join(', ')}${rest > 0 ? ` and ${counted(rest, 'other')}` : ''}${varying > 0 ? `; ${counted(varying, 'has', 'have')} a rate that varies` : ''}. Strides count at ${shownRate(rate)}; slower videos show some frames twice.`,
    names: groups.map((group) => shownRate(group.rate)),
  };
  // A class that is all of its rate, and has it alone, can be told by how it was recorded.
  const told = classes.filter((_, label) => {
    const own = groups.filter((group) => group.videos.some((video) => video.label === label));
    return own.length === 1 && own[0]?.videos.every((video) => video.label === label);
  });
  if (groups.length < 2 || told.length === 0) return [mixed];
  return [
    mixed,
    {
      code: 'rate-tells-class',
      message: `${counted(told.length, 'class is', 'classes are')} alone in having its frame rate: ${few(told)}. A network may learn how the videos were recorded instead of what they show.`,
      names: told,
    },
  ];
}

/** What chance comes to this often or less is not taken for chance. */
const SIGNIFICANT = 0.05;

/** Of so many videos, how many right at the least are more than guessing, or undefined where even all are not. */
export function leastRight(videos: number, chance: number): number | undefined {
  let tail = 0;
  let least: number | undefined;
  // The probability of `right` or more by guessing, from all of them downwards, in logarithms against underflow.
  let logChoose = 0;
  for (let right = videos; right >= 0; right--) {
    tail += Math.exp(logChoose + right * Math.log(chance) + (videos - right) * Math.log1p(-chance));
    if (tail > SIGNIFICANT) break;
    least = right;
    logChoose += Math.log(right) - Math.log(videos - right + 1);
  }
  return least;
}

function tooFew({ classes, videos, parts }: Warned): Warning[] {
  const chance = 1 / classes.length;
  const needed = Math.max(1, Math.ceil(Math.log(SIGNIFICANT) / Math.log(chance)));
  return (['validation', 'test'] as const).flatMap((part): Warning[] => {
    if (parts[part] === 0) return [];
    const names = classes.filter((_, label) => {
      const own = videos.filter((video) => video.part === part && video.label === label).length;
      return own > 0 && own < needed;
    });
    const least = leastRight(parts[part], chance);
    const whole =
      least === undefined ? `Of ${counted(parts[part], `${part} video`)} even all right could be luck.` : '';
    if (names.length === 0 && whole === '') return [];
    const each =
      names.length === 0
        ? ''
        : `${counted(names.length, 'class has', 'classes have')} fewer than ${needed} ${part} videos: ${few(names)}. Their own accuracy can't be told from guessing, even if all are right.`;
    return [{ code: 'too-few-to-tell', message: [whole, each].filter(Boolean).join(' '), names }];
  });
}

/** The largest class has at most so many times the training videos of the smallest. */
const UNEVEN = 10;

function uneven({ classes, videos }: Warned): Warning[] {
  const counts = classes.map(
    (_, label) => videos.filter((video) => video.part === 'train' && video.label === label).length,
  );
  const most = Math.max(...counts);
  const names = classes.filter((_, label) => UNEVEN * (counts[label] ?? 0) < most);
  if (names.length === 0) return [];
  return [
    {
      code: 'uneven-classes',
      message: `${counted(names.length, 'class has', 'classes have')} less than a tenth of the training videos of the largest: ${few(names)}. Accuracy will hardly count them.`,
      names,
    },
  ];
}

const groups = ({ videos, dividedAsGiven }: Warned): Warning[] =>
  dividedAsGiven || videos.some(({ group }) => group !== undefined)
    ? []
    : [
        {
          code: 'no-groups',
          message:
            'Nothing says which videos belong together (--group): where one person or one recording is in several parts, figures are too high.',
          names: [],
        },
      ];

function skipped({ skipped }: Warned): Warning[] {
  if (skipped.length === 0) return [];
  const names = skipped.map(({ path }) => path);
  return [
    {
      code: 'skipped-files',
      message: `${counted(names.length, 'file')} can't be decoded and will be left out: ${few(names)}.`,
      names,
    },
  ];
}

/** What harms the figures most comes first. */
export const warningsOn = (dataset: Warned): Warning[] =>
  [sameContent, withoutVideos, noTest, groups, tooFew, short, rates, uneven, skipped].flatMap((warn) =>
    warn(dataset),
  );
