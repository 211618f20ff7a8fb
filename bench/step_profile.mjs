/**
 * Where a step's time goes: the line's step run operation by operation, not as a graph, each one timed. Two tables: by
 * operation and the shape of what it makes, and by layer, to which an operation belongs that takes its parameters.
 */
import Table from 'cli-table3';
import { BASES, describeNetwork } from '../dist/network/index.js';
import { nativeAvailable } from '../dist/training/engine/operations/native/kernels.js';
import { native } from '../dist/training/engine/operations/native.js';
import { plain } from '../dist/training/engine/operations/plain.js';
import { initialParameters, initialStatistics, layoutOf } from '../dist/training/engine/parameters.js';
import { SCALARS, trainingStep } from '../dist/training/engine/step.js';
import { nodeBackend, tf } from '../dist/training/engine/tensorflow.js';
import { RECIPES } from '../dist/training/recipe.js';

const line = JSON.parse(process.argv[2]);
const STEPS = 5;
const ROWS = 25;

const base = { ...BASES['x2d-micro'], ...line.base };
const network = describeNetwork(base, line.factors, { classes: line.classes });
const layout = layoutOf(network);
const recipe = { ...RECIPES.x2d, batchSize: line.clips, dropout: 0 };
const model = { network, layout, operations: nativeAvailable() ? native : plain, recipe };
const state = {
  parameters: tf.tensor1d(initialParameters(layout, 0)),
  momentum: tf.zeros([layout.parameterSize]),
  statistics: tf.tensor1d(initialStatistics(layout)),
};
const [frames, height, width] = network.input;
const inputs = {
  clips: tf.randomUniform([frames, line.clips, height, width, 3], 0, 255, 'float32', 1),
  labels: tf
    .oneHot(
      tf.tensor1d(Int32Array.from({ length: line.clips }, (_, i) => i % network.classes)),
      network.classes,
    )
    .cast('float32'),
  scalars: tf.fill([SCALARS.length], 0.01),
};

const rows = new Map();
const layers = new Map();
/** Layers by the identity of their parameters' data, which a step splits off the flat vector anew. */
const owners = new Map();
let timing = false;

function own(op, inputs, made) {
  if (op === 'SplitV' && made.length === layout.parameters.length)
    layout.parameters.forEach(({ name }, i) => {
      owners.set(made[i].dataId, name.replace(/\.(weight|bias)$/, ''));
    });
  const owner = op === 'Reshape' && owners.get(inputs[0].dataId);
  if (owner) owners.set((Array.isArray(made) ? made[0] : made).dataId, owner);
}

/** The layer of the first convolution or linear layer whose parameters are taken, else of the first norm. */
function layerOf(inputs) {
  const names = inputs.map(({ dataId }) => owners.get(dataId)).filter(Boolean);
  return names.find((name) => !/norm_[abc](\.0)?$|_norm$|\.norm$/.test(name)) ?? names[0] ?? 'of no layer';
}

function add(table, key, facts, ms) {
  const row = table.get(key) ?? { ...facts, calls: 0, ms: 0 };
  row.calls += 1;
  row.ms += ms;
  table.set(key, row);
}

const backend = nodeBackend();
if (!backend) throw new Error('A profile needs TensorFlow: run `npm run setup`.');
for (const name of ['executeSingleOutput', 'executeMultipleOutputs']) {
  const execute = backend[name];
  backend[name] = function (op, attributes, inputs, ...rest) {
    const started = performance.now();
    const made = execute.call(this, op, attributes, inputs, ...rest);
    const ms = performance.now() - started;
    own(op, inputs, made);
    if (timing) {
      const { shape } = Array.isArray(made) ? made[0] : made;
      add(rows, `${op} ${shape.join('x')}`, { op, shape }, ms);
      const layer = layerOf(inputs);
      add(layers, layer, { layer }, ms);
    }
    return made;
  };
}
const step = () => tf.tidy(() => void trainingStep(model, state, inputs).outputs.loss.dataSync());
step();
timing = true;
const started = performance.now();
for (let i = 0; i < STEPS; i++) step();
const whole = (performance.now() - started) / STEPS;

const table = (head, own, cells) => {
  const sorted = [...own.values()].sort((a, b) => b.ms - a.ms);
  const shown = new Table({ head: [...head, 'calls', 'ms', 'share'], style: { head: [], border: [] } });
  const row = (first, calls, ms) =>
    shown.push([
      ...first,
      calls / STEPS,
      (ms / STEPS).toFixed(2),
      `${((100 * ms) / STEPS / whole).toFixed(1)} %`,
    ]);
  for (const one of sorted.slice(0, ROWS)) row(cells(one), one.calls, one.ms);
  const rest = sorted.slice(ROWS);
  const total = (list, key) => list.reduce((sum, one) => sum + one[key], 0);
  const none = head.slice(1).map(() => '');
  row(['others', ...none], total(rest, 'calls'), total(rest, 'ms'));
  row(['between operations', ...none], 0, STEPS * whole - total(sorted, 'ms'));
  row(['step', ...none], total(sorted, 'calls'), STEPS * whole);
  console.log(shown.toString());
};
table(['operation', 'makes'], rows, ({ op, shape }) => [op, shape.join(' x ')]);
table(['layer'], layers, ({ layer }) => [layer]);
process.exit(0);
