/** Weights that others made, or a search: read from a file in any of the formats that are known. */
import { X3dError } from '../errors.js';
import { readRegular } from '../files.js';
import { describeNetwork, type Factors } from '../network/index.js';
import { architectureIn, baseWith } from './engine/architecture.js';
import type { Ancestor } from './engine/inheritance.js';
import { areNamesOfX3d, type Naming, renamed } from './engine/names.js';
import { layoutOf } from './engine/parameters.js';
import { readSafetensors, safetensorsMetadata } from './engine/safetensors.js';
import { readTorch } from './engine/torch.js';
import { importWeights, type StoredWeights } from './engine/weights.js';

export interface WeightsFile extends StoredWeights {
  readonly format: 'safetensors' | 'torch';
  /** Whose names they had; `tensors` has PyTorchVideo's. */
  readonly names: Exclude<Naming, 'other'>;
  /** Of a safetensors file's header. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Beyond what Node reads in one go; X3D-XL with an optimizer's state has 150 MB. */
const MAX_BYTES = 2 ** 31 - 1;

const startsWith = (bytes: Uint8Array, start: readonly number[]) =>
  start.every((byte, i) => bytes[i] === byte);
const ZIP = [0x50, 0x4b, 0x03, 0x04];
/** A pickle of protocol 2 whose first value is PyTorch's magic number. */
const OLD_TORCH = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

const EXPECTED = 'weights, as safetensors or a PyTorch checkpoint';

async function bytesOf(file: string): Promise<Uint8Array> {
  const refuse = (got: string, cause?: unknown) =>
    new X3dError('data', { subject: file, expected: EXPECTED, got }, { cause });
  try {
    return await readRegular(file, MAX_BYTES);
  } catch (cause) {
    if (cause instanceof X3dError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const got = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'a folder' : (code ?? message);
    throw refuse(got, cause);
  }
}

/**
 * The tensors of floats of a file, 32-bit, under PyTorchVideo's names. Throws X3dError data where it is not there, is
 * neither format, is damaged, or holds no X3D.
 */
export async function readWeights(file: string): Promise<WeightsFile> {
  const bytes = await bytesOf(file);
  if (startsWith(bytes, OLD_TORCH))
    throw new X3dError('data', {
      subject: file,
      expected: EXPECTED,
      got: 'a checkpoint as PyTorch wrote it before version 1.6',
      remedy: `Convert it: python -c "import sys, torch; torch.save(torch.load(sys.argv[1], 'cpu'), sys.argv[2])" OLD NEW`,
    });
  const format = startsWith(bytes, ZIP) ? 'torch' : 'safetensors';
  const found = format === 'torch' ? readTorch(bytes, file, areNamesOfX3d) : readSafetensors(bytes, file);
  const { naming, tensors } = renamed(found);
  if (naming === 'other')
    throw new X3dError('data', {
      subject: file,
      expected: 'the tensors of an X3D, under the names of PyTorchVideo or SlowFast',
      got: `${found.size}: ${[...found.keys()].slice(0, 3).join(', ')}${found.size > 3 ? ' …' : ''}`,
    });
  const metadata = format === 'safetensors' ? safetensorsMetadata(bytes, file) : {};
  return { file, format, names: naming, tensors, metadata };
}

/**
 * The network that weights are of, with them in place: what another network inherits from. Its clips are of `clip`,
 * since shapes do not say what the weights were trained on; nothing that is inherited depends on it. Throws X3dError
 * data where the tensors are not those of a whole X3D.
 */
export function ancestorFrom(
  weights: StoredWeights,
  clip: Pick<Factors, 'frames' | 'stride' | 'crop'>,
): Ancestor {
  const architecture = architectureIn(weights.tensors);
  const base = architecture && baseWith(architecture, clip);
  if (!base)
    throw new X3dError('data', {
      subject: weights.file,
      expected: 'the tensors of a whole X3D',
      got: `${weights.tensors.size} that are not`,
    });
  const network = describeNetwork(base, base.factors);
  const layout = layoutOf(network);
  return { network, layout, weights: importWeights(network, layout, weights) };
}
