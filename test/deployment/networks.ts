/** Networks in folders, as a search leaves them, for tests of what is done with one. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BaseNetwork, describeNetwork, type Factors } from '../../src/network/index.js';
import { randomOf } from '../../src/random.js';
import { layoutOf } from '../../src/training/engine/parameters.js';
import { exportWeights } from '../../src/training/engine/weights.js';

export interface MadeNetwork {
  readonly base: BaseNetwork;
  readonly factors: Factors;
  readonly classes: readonly string[];
  /** More of it in network.json than how bright pixels are. */
  readonly preprocessing?: object;
}

/** Every weight, norm and statistic is drawn, away from zeros and ones, where mistakes hide. */
export function writeNetwork(folder: string, { base, factors, classes, preprocessing }: MadeNetwork): string {
  const network = describeNetwork(base, factors, { classes: classes.length });
  const layout = layoutOf(network);
  const parameters = new Float32Array(layout.parameterSize);
  const statistics = new Float32Array(layout.statisticsSize);
  const random = randomOf('network for a test');
  const around = (middle: number, spread: number) => middle + spread * (2 * random.uniform() - 1);
  for (const { name, offset, size, torchShape } of layout.parameters) {
    const fanIn = torchShape.slice(1).reduce((a, b) => a * b, 1);
    for (let i = offset; i < offset + size; i++) {
      // Wide enough for what clips differ in to come through to the scores.
      if (torchShape.length > 1) parameters[i] = around(0, Math.sqrt(6 / fanIn));
      // Blocks that add little to their shortcut, as in a trained network: the scores stay of a size.
      else if (name.endsWith('norm_c.weight')) parameters[i] = around(0.25, 0.1);
      else if (name.endsWith('.weight')) parameters[i] = around(1, 0.3);
      else parameters[i] = around(0, 0.1);
    }
  }
  for (const { offset, channels } of layout.statistics)
    for (let c = 0; c < channels; c++) {
      statistics[offset + c] = around(0, 0.1);
      statistics[offset + channels + c] = around(1, 0.4);
    }
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'weights.safetensors'),
    exportWeights(network, layout, { parameters, statistics }),
  );
  writeFileSync(
    join(folder, 'network.json'),
    JSON.stringify({
      base: { ...base, classes: classes.length },
      factors,
      classes,
      preprocessing: { mean: 0.4, std: 0.25, ...preprocessing },
    }),
  );
  return folder;
}
