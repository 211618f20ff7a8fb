/**
 * Named functions on a state that stays where it is: a program's entries take inputs and the state's vectors, give
 * outputs, and may replace vectors. On TensorFlow all entries are recorded into one graph, whose variables are the
 * state: only inputs and outputs cross. Elsewhere the entries are run by tfjs as they are.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor, Tensor1D } from '@tensorflow/tfjs-node-gpu';
import { blank, type Graph, newGraph, type Output, SAVED_MODEL_TAG } from './graph.js';
import { type NodeBackend, nodeBackend, tf } from './tensorflow.js';

/** `bytes`: numbers from 0 to 255, which become floats inside. */
export interface Input {
  readonly kind: 'bytes' | 'floats';
  readonly shape: readonly number[];
}

type Tensors = Readonly<Record<string, Tensor>>;
export type State = Readonly<Record<string, Tensor1D>>;

export interface Entry {
  readonly inputs: Readonly<Record<string, Input>>;
  readonly body: (state: State, inputs: Tensors) => { readonly state?: State; readonly outputs: Tensors };
}

export type Feeds = Readonly<Record<string, Uint8Array | Float32Array>>;

export interface Program {
  /** The values of the entry's outputs. Its new state, if any, is in place when this returns. */
  run(entry: string, feeds: Feeds): Readonly<Record<string, Float32Array>>;
  read(vector: string): Float32Array;
  write(vector: string, values: Float32Array): void;
  close(): void;
}

const elements = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

interface Recorded {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** What to feed and to fetch, as the binding takes them. */
  readonly feeds: string;
  readonly fetches: string;
}

/**
 * An input's placeholder and the floats made of it. tfjs-node has no tensors of bytes: they cross as whole numbers of
 * four bytes, which the graph takes apart.
 */
function placeholder(graph: Graph, { kind, shape }: Input): { fed: Output; floats: Output } {
  const type = kind === 'bytes' ? 'int32' : 'float32';
  const count = elements(shape);
  const words = Math.ceil(count / 4);
  const fed = graph.add({
    op: 'Placeholder',
    attributes: { dtype: { type }, shape: { shape: kind === 'bytes' ? [words] : shape } },
  });
  if (kind === 'floats') return { fed: `${fed}:0`, floats: `${fed}:0` };
  const whole = (values: number[]) => graph.constant(Int32Array.from(values), [values.length]);
  const bytes = { type: 'uint8' } as const;
  const index = { type: 'int32' } as const;
  const cast = graph.add({
    op: 'Bitcast',
    inputs: [`${fed}:0`],
    attributes: { T: { type: 'int32' }, type: bytes },
  });
  const flat = graph.add({
    op: 'Reshape',
    inputs: [`${cast}:0`, whole([4 * words])],
    attributes: { T: bytes, Tshape: index },
  });
  const cut = graph.add({
    op: 'Slice',
    inputs: [`${flat}:0`, whole([0]), whole([count])],
    attributes: { T: bytes, Index: index },
  });
  const shaped = graph.add({
    op: 'Reshape',
    inputs: [`${cut}:0`, whole([...shape])],
    attributes: { T: bytes, Tshape: index },
  });
  const floats = graph.add({
    op: 'Cast',
    inputs: [`${shaped}:0`],
    attributes: { SrcT: bytes, DstT: { type: 'float32' }, Truncate: { bool: false } },
  });
  return { fed: `${fed}:0`, floats: `${floats}:0` };
}

const FLOAT = { type: 'float32' } as const;

/** One output a name, fetched only once the vectors are replaced. */
function afterwards(graph: Graph, outputs: readonly Output[], assigned: readonly string[]): string[] {
  const waits = assigned.map((name) => `^${name}`);
  return outputs.map(
    (output) => `${graph.add({ op: 'Identity', inputs: [output, ...waits], attributes: { T: FLOAT } })}:0`,
  );
}

function recordEntry(graph: Graph, entry: Entry, variables: ReadonlyMap<string, Variable>): Recorded {
  return tf.tidy(() => {
    const inputs = Object.entries(entry.inputs).map(([name, input]) => ({
      name,
      ...placeholder(graph, input),
      tensor: blank(input.shape),
    }));
    const state = Object.fromEntries(
      [...variables].map(([name, { size }]) => [name, blank([size]) as Tensor1D]),
    );
    const bindings = new Map<Tensor, Output>();
    for (const { tensor, floats } of inputs) bindings.set(tensor, floats);
    for (const [name, { read }] of variables) bindings.set(state[name] as Tensor, read);
    let replaced: string[] = [];
    let given: string[] = [];
    const made = graph.record(bindings, () => {
      const result = entry.body(state, Object.fromEntries(inputs.map(({ name, tensor }) => [name, tensor])));
      replaced = Object.keys(result.state ?? {});
      given = Object.keys(result.outputs);
      return {
        ...Object.fromEntries(replaced.map((name) => [`state ${name}`, result.state?.[name] as Tensor])),
        ...Object.fromEntries(given.map((name) => [`output ${name}`, result.outputs[name] as Tensor])),
      };
    });
    const assigned = replaced.map((name) =>
      assign(graph, variables.get(name), made[`state ${name}`] as Output),
    );
    const outputs = given.map((name) => made[`output ${name}`] as Output);
    return {
      inputs: inputs.map(({ name }) => name),
      outputs: given,
      feeds: inputs.map(({ fed }) => fed).join(),
      fetches: afterwards(graph, outputs, assigned).join(),
    };
    // biome-ignore lint/suspicious/noExplicitAny: tidy's type knows tensors only.
  }) as any;
}

interface Variable {
  readonly size: number;
  readonly handle: string;
  readonly read: Output;
}

function assign(graph: Graph, variable: Variable | undefined, value: Output): string {
  if (!variable) throw new Error('A vector that the state does not have');
  return graph.add({
    op: 'AssignVariableOp',
    inputs: [variable.handle, value],
    attributes: { dtype: FLOAT, validate_shape: { bool: false } },
  });
}

function variable(graph: Graph, name: string, size: number): Variable {
  const attributes = {
    dtype: FLOAT,
    shape: { shape: [size] },
    shared_name: { text: name },
    container: { text: '' },
  };
  const handle = graph.add({ op: 'VarHandleOp', attributes });
  const read = graph.add({ op: 'ReadVariableOp', inputs: [handle], attributes: { dtype: FLOAT } });
  return { size, handle, read: `${read}:0` };
}

function graphProgram(
  backend: NodeBackend,
  initial: Readonly<Record<string, Float32Array>>,
  entries: Readonly<Record<string, Entry>>,
  { half }: ProgramOptions,
): Program {
  const { binding } = backend;
  const graph = newGraph(backend, half);
  const variables = new Map(
    Object.entries(initial).map(([name, values]) => [name, variable(graph, name, values.length)]),
  );
  const recorded = new Map(
    Object.entries(entries).map(([name, entry]) => [name, recordEntry(graph, entry, variables)]),
  );
  const writers = new Map(
    [...variables].map(([name, own]) => {
      const { fed } = placeholder(graph, { kind: 'floats', shape: [own.size] });
      const done = afterwards(graph, [graph.constant(new Float32Array(1), [])], [assign(graph, own, fed)]);
      return [name, { feeds: fed, fetches: done.join() }];
    }),
  );

  const folder = mkdtempSync(join(tmpdir(), 'x3d-search-graph-'));
  let model: number;
  try {
    writeFileSync(join(folder, 'saved_model.pb'), graph.serialize());
    model = binding.loadSavedModel(folder, SAVED_MODEL_TAG);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }

  const create = (values: Uint8Array | Float32Array, { kind, shape }: Input): number => {
    if (values.length !== elements(shape))
      throw new Error(`An input of ${values.length} numbers where ${elements(shape)} are taken`);
    if (kind === 'floats') return binding.createTensor(shape, binding.TF_FLOAT, values as Float32Array);
    const words = Math.ceil(values.length / 4);
    const whole =
      values.byteLength === 4 * words && values.byteOffset % 4 === 0
        ? new Int32Array(values.buffer, values.byteOffset, words)
        : new Int32Array(words);
    if (whole.buffer !== values.buffer) new Uint8Array(whole.buffer).set(values);
    return binding.createTensor([words], binding.TF_INT32, whole);
  };
  const call = (ids: readonly number[], feeds: string, fetches: string): Float32Array[] => {
    try {
      return binding.runSavedModel(model, ids, feeds, fetches).map(({ id }) => {
        const values = binding.tensorDataSync(id);
        binding.deleteTensor(id);
        return values;
      });
    } finally {
      for (const id of ids) binding.deleteTensor(id);
    }
  };

  const program: Program = {
    run: (name, feeds) => {
      const own = recorded.get(name);
      const entry = entries[name];
      if (!own || !entry) throw new Error(`No entry ${name}`);
      const ids = own.inputs.map((input) => {
        const values = feeds[input];
        const described = entry.inputs[input];
        if (!values || !described) throw new Error(`${name} needs ${input}`);
        return create(values, described);
      });
      const values = call(ids, own.feeds, own.fetches);
      return Object.fromEntries(own.outputs.map((output, i) => [output, values[i] as Float32Array]));
    },
    read: (name) => (call([], '', variables.get(name)?.read ?? '')[0] as Float32Array).slice(),
    write: (name, values) => {
      const writer = writers.get(name);
      if (!writer) throw new Error(`No vector ${name}`);
      call([create(values, { kind: 'floats', shape: [values.length] })], writer.feeds, writer.fetches);
    },
    close: () => binding.deleteSavedModel(model),
  };
  for (const [name, values] of Object.entries(initial)) program.write(name, values);
  return program;
}

function eagerProgram(
  initial: Readonly<Record<string, Float32Array>>,
  entries: Readonly<Record<string, Entry>>,
): Program {
  const state = new Map(
    Object.entries(initial).map(([name, values]) => [name, tf.keep(tf.tensor1d(values))]),
  );
  const replace = (name: string, tensor: Tensor1D) => {
    state.get(name)?.dispose();
    state.set(name, tensor);
  };
  return {
    run: (name, feeds) => {
      const entry = entries[name];
      if (!entry) throw new Error(`No entry ${name}`);
      const values: Record<string, Float32Array> = {};
      tf.tidy(() => {
        const inputs = Object.entries(entry.inputs).map(([input, { shape }]) => [
          input,
          tf.tensor(Float32Array.from(feeds[input] ?? []), [...shape]),
        ]);
        const result = entry.body(Object.fromEntries(state), Object.fromEntries(inputs));
        for (const [output, tensor] of Object.entries(result.outputs))
          values[output] = tensor.dataSync<'float32'>();
        for (const [vector, tensor] of Object.entries(result.state ?? {}))
          replace(vector, tf.keep(tensor.clone()));
      });
      return values;
    },
    read: (name) => (state.get(name)?.dataSync<'float32'>() ?? new Float32Array()).slice(),
    write: (name, values) => replace(name, tf.keep(tf.tensor1d(values))),
    close: () => tf.dispose([...state.values()]),
  };
}

export interface ProgramOptions {
  /** Products and convolutions in half precision; on TensorFlow only. */
  readonly half: boolean;
}

/** `initial`: every vector of the state with its values at the start. */
export function newProgram(
  initial: Readonly<Record<string, Float32Array>>,
  entries: Readonly<Record<string, Entry>>,
  options: ProgramOptions = { half: false },
): Program {
  const backend = nodeBackend();
  return backend ? graphProgram(backend, initial, entries, options) : eagerProgram(initial, entries);
}
