/**
 * Runs in a process of its own, since a broken library can end whoever loads it: loads TensorFlow, tries its
 * gradients, and prints a `Probe` as the last line.
 */
import { readFileSync } from 'node:fs';
import { nativeAvailable } from '../training/engine/operations/native/kernels.js';
import { type SelfTest, selfTest } from '../training/engine/selftest.js';
import { nodeBackend, tensorFlowMissing } from '../training/engine/tensorflow.js';

export interface Probe {
  /** Why TensorFlow's C library is not in use. */
  readonly missing?: string;
  readonly version?: string;
  /** The file that was loaded. */
  readonly library?: string;
  readonly kernels: boolean;
  readonly usesGpu: boolean;
  readonly gradients: readonly SelfTest[];
}

function loadedLibrary(): string | undefined {
  return /\/\S*libtensorflow_cc\.so\S*/.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0];
}

const backend = nodeBackend();
const library = backend && loadedLibrary();
const probe: Probe = {
  ...(tensorFlowMissing === undefined ? {} : { missing: tensorFlowMissing }),
  ...(backend === undefined ? {} : { version: backend.binding.TF_Version }),
  ...(library === undefined ? {} : { library }),
  kernels: nativeAvailable(),
  usesGpu: backend?.binding.isUsingGpuDevice() ?? false,
  gradients: backend === undefined ? [] : await selfTest(),
};
process.stdout.write(`\n${JSON.stringify(probe)}\n`);
