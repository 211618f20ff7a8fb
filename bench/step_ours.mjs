/** One side of bench/step.mjs: takes the line as JSON, then for each number on stdin runs as many steps and times them. */
import { createInterface } from 'node:readline';
import { BASES, describeNetwork } from '../dist/network/index.js';
import { createEngine } from '../dist/training/engine/engine.js';
import { RECIPES } from '../dist/training/recipe.js';

const line = JSON.parse(process.argv[2]);
const base = { ...BASES['x2d-micro'], ...line.base };
const network = describeNetwork(base, line.factors, { classes: line.classes });
const recipe = {
  ...RECIPES.x2d,
  batchSize: line.clips,
  dropout: 0,
  preciseBatchNorm: 0,
  mixedPrecision: line.mixed ?? false,
};
const engine = await createEngine({
  network,
  evaluations: line.evaluate ? [network] : [],
  recipe,
  microBatch: line.clips,
  seed: 0,
  device: line.device,
});
const [frames, height, width] = network.input;
const clips = Uint8Array.from(
  { length: frames * line.clips * height * width * 3 },
  (_, i) => (i * 7919) % 251,
);
const labels = new Float32Array(line.clips * line.classes);
for (let clip = 0; clip < line.clips; clip++) labels[clip * line.classes + (clip % line.classes)] = 1;

let step = 0;
const once = line.evaluate
  ? () => engine.evaluate(clips, { crop: line.factors.crop, views: line.clips })
  : () => engine.step({ clips, labels, learningRate: 0.01, step: step++ });
const timed = () => {
  const started = performance.now();
  once();
  return performance.now() - started;
};
timed();
timed();
console.log(JSON.stringify({ ready: true }));
for await (const count of createInterface({ input: process.stdin })) {
  const ms = Array.from({ length: Number(count) }, timed);
  console.log(JSON.stringify({ ms, peakBytes: 1024 * process.resourceUsage().maxRSS }));
}
