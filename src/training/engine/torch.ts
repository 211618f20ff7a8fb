/**
 * Checkpoints of PyTorch, read without Python: since its version 1.6 a zip archive with a pickle of everything but the
 * tensors' values, and those as raw bytes, a file for each storage. Of the pickle only dictionaries, lists, numbers,
 * text and tensors are read; what else is in it (an optimizer's class, a configuration) is left out, and no code of it
 * is run.
 */
import { type UnzipFileInfo, unzipSync } from 'fflate';
import { X3dError } from '../../errors.js';
import { FLOAT_BYTES, type FloatType, floatsFrom } from './floats.js';
import { isUnread, type Unread, UnreadablePickle, unpickle } from './pickle.js';
import type { StoredTensor } from './safetensors.js';

const FLOAT_STORAGES: Readonly<Record<string, FloatType>> = {
  'torch.DoubleStorage': 'F64',
  'torch.FloatStorage': 'F32',
  'torch.HalfStorage': 'F16',
  'torch.BFloat16Storage': 'BF16',
};

/** Values of one type, `count` of them, in the archive's file data/`key`. */
interface Storage {
  readonly kind: 'storage';
  readonly type: FloatType;
  readonly key: string;
  readonly count: number;
}

/** A part of a storage, in elements. */
interface Tensor {
  readonly kind: 'tensor';
  readonly storage: Storage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

const isOf = <T extends { readonly kind: string }>(value: unknown, kind: T['kind']): value is T =>
  typeof value === 'object' && value !== null && (value as T).kind === kind;
const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const areSizes = (value: unknown): value is readonly number[] => Array.isArray(value) && value.every(isSize);
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

const notTorch = (
  file: string,
  got: string,
  remedy = 'Copy the file again, or save it anew with torch.save.',
) => new X3dError('data', { subject: file, expected: 'a PyTorch checkpoint', got, remedy });

/** ('storage', class, key, device, elements); of other classes than those of floats nothing is read. */
function storageOf(id: unknown): Storage | Unread {
  const [tag, storageClass, key, , count] = Array.isArray(id) ? id : [];
  if (tag !== 'storage' || !isUnread(storageClass) || typeof key !== 'string' || !isSize(count))
    throw new UnreadablePickle('a reference to what is no storage');
  const type = Object.hasOwn(FLOAT_STORAGES, storageClass.name)
    ? FLOAT_STORAGES[storageClass.name]
    : undefined;
  return type ? { kind: 'storage', type, key, count } : storageClass;
}

function tensorOf([storage, offset, shape, strides]: readonly unknown[]): Tensor | Unread {
  if (isUnread(storage)) return storage;
  if (!isOf<Storage>(storage, 'storage') || !isSize(offset) || !areSizes(shape) || !areSizes(strides))
    throw new UnreadablePickle('a tensor without storage, shape or strides');
  const elements = product(shape);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * (strides[axis] ?? 0), offset);
  if (shape.length !== strides.length || elements > storage.count || (elements > 0 && last >= storage.count))
    throw new UnreadablePickle(
      `a tensor of shape [${shape.join(', ')}] from element ${offset} on, in a storage of ${storage.count}`,
    );
  return { kind: 'tensor', storage, offset, shape, strides };
}

function called(name: string, args: readonly unknown[]): unknown {
  if (name === 'torch._utils._rebuild_tensor_v2' || name === 'torch._utils._rebuild_tensor')
    return tensorOf(args);
  if (name === 'torch._utils._rebuild_parameter' || name === 'torch._utils._rebuild_parameter_with_state')
    return args[0];
  if (name === 'collections.OrderedDict') {
    const pairs = Array.isArray(args[0]) ? (args[0] as unknown[]) : [];
    return new Map(pairs.filter((pair) => Array.isArray(pair)) as [unknown, unknown][]);
  }
  return { kind: 'unread', name } satisfies Unread;
}

/** The tensors among a dictionary's values. */
const tensorsAmong = (value: unknown): ReadonlyMap<string, Tensor> =>
  new Map(
    value instanceof Map
      ? ([...value] as [unknown, unknown][]).filter(
          (pair): pair is [string, Tensor] => typeof pair[0] === 'string' && isOf<Tensor>(pair[1], 'tensor'),
        )
      : [],
  );

/**
 * The dictionary of weights: the outermost itself, or the first of its values that holds a tensor and that `wanted`
 * accepts, else the first that holds one: under model_state in SlowFast's, state_dict in others'.
 */
function stateAmong(
  value: unknown,
  wanted: (names: Iterable<string>) => boolean,
): ReadonlyMap<string, Tensor> {
  const candidates = [value, ...(value instanceof Map ? value.values() : [])]
    .map(tensorsAmong)
    .filter(({ size }) => size > 0);
  return candidates.find((tensors) => wanted(tensors.keys())) ?? candidates[0] ?? new Map();
}

/** Files of the archive by name after its folder; those that `chosen` is true for, uncompressed as PyTorch writes them. */
function filesIn(
  bytes: Uint8Array,
  file: string,
  chosen: (name: string) => boolean,
): ReadonlyMap<string, Uint8Array> {
  let seen = 0;
  let total = 0;
  const inner = (name: string) => name.slice(name.indexOf('/') + 1);
  const filter = ({ name, compression, size }: UnzipFileInfo) => {
    // No entry is shorter than its header: more than these are none.
    if (++seen > bytes.length / 46)
      throw notTorch(file, 'a zip archive with more entries than it has room for');
    if (!name.includes('/') || !chosen(inner(name))) return false;
    if (compression !== 0)
      throw notTorch(file, `a zip archive that was compressed (${name})`, 'Pack it anew with zip -0.');
    total += size;
    if (total > bytes.length)
      throw notTorch(file, `${bytes.length} bytes, too few for ${name} of ${size} and what comes before it`);
    return true;
  };
  try {
    return new Map(Object.entries(unzipSync(bytes, { filter })).map(([name, data]) => [inner(name), data]));
  } catch (error) {
    throw error instanceof X3dError
      ? error
      : notTorch(file, `a damaged zip archive (${(error as Error).message})`);
  }
}

/** The tensor's values in order, from its storage's bytes. */
function valuesOf({ storage, offset, shape, strides }: Tensor, bytes: Uint8Array): Float32Array {
  const width = FLOAT_BYTES[storage.type];
  const elements = product(shape);
  let expected = 1;
  const inOrder = shape.reduceRight((same, size, axis) => {
    const fits = size === 1 || strides[axis] === expected;
    expected *= size;
    return same && fits;
  }, true);
  if (inOrder) return floatsFrom(bytes.subarray(offset * width, (offset + elements) * width), storage.type);
  const packed = new Uint8Array(elements * width);
  for (let index = 0; index < elements; index++) {
    let at = offset;
    for (let axis = shape.length - 1, rest = index; axis >= 0; axis--) {
      const size = shape[axis] as number;
      at += (rest % size) * (strides[axis] as number);
      rest = Math.floor(rest / size);
    }
    for (let b = 0; b < width; b++) packed[index * width + b] = bytes[at * width + b] as number;
  }
  return floatsFrom(packed, storage.type);
}

/** Of a pickle: names and shapes, some hundred bytes a tensor. */
const MAX_PICKLE_BYTES = 64 * 2 ** 20;

/**
 * The tensors of floats of a checkpoint by name, each made 32-bit; whole numbers are left out. Where it holds several
 * dictionaries of tensors the first that `wanted` accepts by its names is taken. Throws X3dError data where it is no
 * checkpoint, is damaged, or holds no dictionary of tensors.
 */
export function readTorch(
  bytes: Uint8Array,
  file: string,
  wanted: (names: Iterable<string>) => boolean,
): ReadonlyMap<string, StoredTensor> {
  const meta = filesIn(bytes, file, (name) => ['data.pkl', 'byteorder', 'constants.pkl'].includes(name));
  const pickle = meta.get('data.pkl');
  if (!pickle) throw notTorch(file, 'a zip archive without data.pkl');
  if (meta.has('constants.pkl'))
    throw notTorch(file, 'a TorchScript program', 'Save its state_dict() with torch.save.');
  if (new TextDecoder().decode(meta.get('byteorder')?.subarray(0, 3)) === 'big')
    throw notTorch(file, 'one with the most significant byte first', 'Save it anew on another machine.');
  if (pickle.length > MAX_PICKLE_BYTES) throw notTorch(file, `a data.pkl of ${pickle.length} bytes`);

  let value: unknown;
  try {
    value = unpickle(pickle, { call: called, persistent: storageOf });
  } catch (error) {
    if (!(error instanceof UnreadablePickle)) throw error;
    throw notTorch(file, `one whose data.pkl is damaged: ${error.message}`);
  }
  if (isUnread(value))
    throw notTorch(file, `a whole ${value.name}`, 'Save its state_dict() with torch.save, not itself.');
  const state = stateAmong(value, wanted);
  if (state.size === 0) throw notTorch(file, 'one without a dictionary of tensors');

  // Tensors may share a storage, as tied weights do, but not so that a small file becomes a large one.
  const elements = [...state.values()].reduce((sum, { shape }) => sum + product(shape), 0);
  if (elements > bytes.length) throw notTorch(file, `${elements} values of tensors in ${bytes.length} bytes`);
  const keys = new Set([...state.values()].map(({ storage }) => `data/${storage.key}`));
  const storages = filesIn(bytes, file, (name) => keys.has(name));
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of state) {
    const { key, count, type } = tensor.storage;
    const data = storages.get(`data/${key}`);
    if (data?.length !== count * FLOAT_BYTES[type])
      throw notTorch(file, `${data?.length ?? 'no'} bytes for ${name}, of ${count} values in ${type}`);
    tensors.set(name, { shape: tensor.shape, values: valuesOf(tensor, data) });
  }
  return tensors;
}
