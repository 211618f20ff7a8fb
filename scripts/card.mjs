/**
 * `npm run setup:card`: what the card's kernels are tested with where there is no card. NVRTC (25 MB) compiles them for
 * cards, and TensorFlow's CUDA build without NVIDIA's libraries (640 MB) registers them. Set-up for CUDA brings both.
 */
import { asProblem, Problem, say } from './setup/steps.mjs';
import { cudaLibraries, nvrtc, tensorflow } from './setup/tensorflow.mjs';

try {
  await nvrtc();
  const found = cudaLibraries();
  if (found === undefined) await tensorflow('cuda-alone');
  else say('tensorflow', found);
} catch (thrown) {
  const error = asProblem(thrown);
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`${error.message}\n${error.remedy}\n`);
  process.exitCode = 3;
}
