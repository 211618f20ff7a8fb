/**
 * TensorFlow, through tfjs: with the binding that set-up built it is TensorFlow's C library, without it tfjs's own
 * CPU backend, which trains the same but far slower. Threads and devices are read from the environment when the
 * library loads, so whoever starts a trainer sets them there.
 */
import { createRequire } from 'node:module';
import type * as tfjs from '@tensorflow/tfjs-node-gpu';

process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
process.env.TF_NUM_INTRAOP_THREADS ??= '1';
process.env.TF_NUM_INTEROP_THREADS ??= '1';
// Its kernels may sum in another order from run to run.
process.env.TF_ENABLE_ONEDNN_OPTS ??= '0';

/** What is used of tfjs-node's binding to the C library. */
export interface Binding {
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_BOOL: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
  createTensor(shape: readonly number[], type: number, values: Float32Array | Int32Array): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): Float32Array;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  runSavedModel(
    id: number,
    inputs: readonly number[],
    inputNames: string,
    outputNames: string,
  ): { id: number }[];
}

/** An attribute of an operation, as tfjs-node hands it to the binding. */
export interface Attribute {
  readonly name: string;
  /** One of the binding's TF_ATTR_*. */
  readonly type: number;
  readonly value: unknown;
}

/** tfjs-node's backend: every operation goes through one of the two execute functions. */
export interface NodeBackend {
  readonly binding: Binding;
  executeSingleOutput(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly tfjs.Tensor[],
  ): tfjs.Tensor;
  executeMultipleOutputs(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly tfjs.Tensor[],
    outputs: number,
  ): tfjs.Tensor[];
}

const require = createRequire(import.meta.url);

function load(): { library: typeof tfjs; missing?: string } {
  const util = require('node:util') as { isNullOrUndefined?: (value: unknown) => boolean };
  // Removed in Node 23; tfjs-node still calls it.
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  try {
    return { library: require('@tensorflow/tfjs-node-gpu') as typeof tfjs };
  } catch (error) {
    const library = require('@tensorflow/tfjs') as typeof tfjs;
    return { library, missing: String((error as Error).message).split('\n')[0] ?? '' };
  }
}

const { library, missing } = load();

export const tf = library;

/** Why TensorFlow's C library is not in use; undefined where it is. */
export const tensorFlowMissing: string | undefined = missing;

/** The backend on TensorFlow's C library, or undefined where tfjs's own CPU backend stands in. */
export function nodeBackend(): NodeBackend | undefined {
  return missing === undefined ? (tf.backend() as unknown as NodeBackend) : undefined;
}
