/**
 * Runs in a process of its own, since a broken library can end whoever loads it: loads TensorFlow, tries its
 * gradients, and prints a `Probe` as the last line.
 */
import { existsSync, readFileSync } from 'node:fs';
import { nativeAvailable } from '../training/engine/operations/native/kernels.js';
import { nodeBackend, tensorFlowMissing } from '../training/engine/tensorflow.js';

export interface Gradient {
  readonly name: string;
  /** Largest difference from finite differences, relative. */
  readonly error: number;
  readonly ok: boolean;
}

export interface Probe {
  /** Why TensorFlow's C library is not in use. */
  readonly missing?: string;
  readonly version?: string;
  /** The file that was loaded. */
  readonly library?: string;
  readonly kernels: boolean;
  readonly usesGpu: boolean;
  readonly gradients: readonly Gradient[];
}

function loadedLibrary(): string | undefined {
  return /\/\S*libtensorflow_cc\.so\S*/.exec(readFileSync('/proc/self/maps', 'utf8'))?.[0];
}

async function gradients(): Promise<readonly Gradient[]> {
  const module = new URL('../training/engine/selftest.js', import.meta.url);
  if (!existsSync(module)) return [];
  const { selfTest } = (await import(module.href)) as { selfTest(): Promise<readonly Gradient[]> };
  return await selfTest();
}

const backend = nodeBackend();
const library = backend && loadedLibrary();
const probe: Probe = {
  ...(tensorFlowMissing === undefined ? {} : { missing: tensorFlowMissing }),
  ...(backend === undefined ? {} : { version: backend.binding.TF_Version }),
  ...(library === undefined ? {} : { library }),
  kernels: nativeAvailable(),
  usesGpu: backend?.binding.isUsingGpuDevice() ?? false,
  gradients: backend === undefined ? [] : await gradients(),
};
process.stdout.write(`\n${JSON.stringify(probe)}\n`);
