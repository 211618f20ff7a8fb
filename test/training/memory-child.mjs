// Five steps on clips of noise; prints the process's peak in bytes.
import { describeNetwork } from '../../dist/network/index.js';
import { createEngine } from '../../dist/training/engine/engine.js';
import { RECIPES } from '../../dist/training/recipe.js';

const { base, factors, clips: count } = JSON.parse(process.argv[2]);
const network = describeNetwork(base, factors);
const recipe = { ...RECIPES['x2d-micro'], batchSize: count };
const engine = await createEngine({
  network,
  evaluations: [],
  recipe,
  microBatch: count,
  seed: 0,
  device: 'cpu',
});
const clips = new Uint8Array(factors.frames * count * factors.crop * factors.crop * 3).fill(7);
const labels = new Float32Array(count * network.classes);
for (let clip = 0; clip < count; clip++) labels[clip * network.classes] = 1;
for (let step = 0; step < 5; step++) engine.step({ clips, labels, learningRate: 0.01, step });
console.log(1024 * process.resourceUsage().maxRSS);
process.exit(0);
