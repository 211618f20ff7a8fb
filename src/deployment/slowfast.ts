/** The network for SlowFast: the configuration with which it builds, trains and tests it. */
import { X3dError } from '../errors.js';
import { shortSides } from '../network/index.js';
import { savedNetworkAt } from '../training/loading.js';
import type { NamedNetwork } from './named.js';
import { perChannel } from './preprocessing.js';
import { buildsIt, otherwiseBuilt, STEM_WIDTH, widthFactor } from './published.js';

type Section = Readonly<Record<string, string | number | boolean | readonly number[]>>;

/** Two levels are all that SlowFast's files have; scalars and lists of JSON are YAML. */
const yaml = (sections: Readonly<Record<string, Section>>): string =>
  Object.entries(sections)
    .map(([name, section]) => {
      const lines = Object.entries(section).map(([key, value]) => `  ${key}: ${JSON.stringify(value)}\n`);
      return `${name}:\n${lines.join('')}`;
    })
    .join('');

/** Throws X3dError invalid-input where SlowFast would build another network of these factors. */
export function slowfastConfiguration(named: NamedNetwork): string {
  const { saved, classes, name } = named;
  const { base, factors, preprocessing } = saved;
  const network = savedNetworkAt(saved, 'center');
  if (!buildsIt(network, 'slowfast'))
    throw new X3dError('invalid-input', {
      subject: '--format slowfast',
      expected:
        "a network that SlowFast's X3D can build: an expansion of x2d whose channels it rounds the same",
      got: otherwiseBuilt(base, network, 'slowfast'),
      remedy: 'Export it with --format torch, which can say any network.',
    });
  const { frames, stride, mean, deviation, shortSide, crop } = preprocessing;
  const { min, max } = shortSides(crop);
  const text = yaml({
    MODEL: {
      MODEL_NAME: 'X3D',
      ARCH: 'x3d',
      NUM_CLASSES: classes.length,
      LOSS_FUNC: 'cross_entropy',
      DROPOUT_RATE: 0.5,
    },
    X3D: {
      WIDTH_FACTOR: widthFactor(factors),
      DEPTH_FACTOR: factors.depth,
      BOTTLENECK_FACTOR: factors.bottleneck,
      DIM_C1: STEM_WIDTH,
      DIM_C5: base.headWidth,
    },
    RESNET: { ZERO_INIT_FINAL_BN: true, TRANS_FUNC: 'x3d_transform', STRIDE_1X1: false },
    DATA: {
      NUM_FRAMES: frames,
      SAMPLING_RATE: stride,
      ...(preprocessing.rate === undefined ? {} : { TARGET_FPS: preprocessing.rate }),
      TRAIN_JITTER_SCALES: [min, max],
      TRAIN_CROP_SIZE: crop,
      TEST_CROP_SIZE: shortSide,
      INPUT_CHANNEL_NUM: [3],
      MEAN: perChannel(mean),
      STD: perChannel(deviation),
    },
    BN: { USE_PRECISE_STATS: true, NUM_BATCHES_PRECISE: 200, WEIGHT_DECAY: 0 },
    TRAIN: { DATASET: 'kinetics' },
    TEST: { DATASET: 'kinetics', NUM_ENSEMBLE_VIEWS: 10, NUM_SPATIAL_CROPS: 3 },
  });
  const counted =
    preprocessing.rate === undefined
      ? "# SAMPLING_RATE counts the videos' own frames: set DATA.TARGET_FPS to their rate.\n"
      : '';
  return `# X3D network ${name.replaceAll(/\s+/g, ' ')}, for SlowFast: tools/run_net.py --cfg THIS DATA.PATH_TO_DATA_DIR FOLDER_OF_LISTS
${counted}${text}`;
}
