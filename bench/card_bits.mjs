/** One part of bench/card.mjs: trains for some steps on a device and prints a checksum of all that came of it. */
import { createHash } from 'node:crypto';
import { BASES, describeNetwork } from '../dist/network/index.js';
import { createEngine } from '../dist/training/engine/engine.js';
import { RECIPES } from '../dist/training/recipe.js';

const CLIPS = 4;
const STEPS = 10;
const base = BASES['x2d-micro'];
const network = describeNetwork(base, { ...base.factors, frames: 4, stride: 8 }, { classes: 4 });
const recipe = { ...RECIPES['x2d-micro'], batchSize: CLIPS };
const engine = await createEngine({
  ...{ network, evaluations: [], recipe, microBatch: CLIPS, seed: 1 },
  device: process.argv[2],
});
const [frames, height, width] = network.input;
const clips = Uint8Array.from({ length: frames * CLIPS * height * width * 3 }, (_, i) => (i * 7919) % 251);
const labels = Float32Array.from({ length: CLIPS * 4 }, (_, i) => (i % 5 === 0 ? 1 : 0));
for (let step = 0; step < STEPS; step++) engine.step({ clips, labels, learningRate: 0.02, step });
const hash = createHash('sha256');
for (const { buffer, byteOffset, byteLength } of Object.values(engine.readState()))
  hash.update(new Uint8Array(buffer, byteOffset, byteLength));
process.stdout.write(`${JSON.stringify({ bits: hash.digest('hex') })}\n`);
process.exit(0);
