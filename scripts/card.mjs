/**
 * `npm run setup:card`: what the card's kernels are tested with where there is no card. NVRTC (25 MB) compiles them for
 * cards, and TensorFlow's CUDA build without NVIDIA's libraries (640 MB) registers them. Set-up for CUDA brings both.
 */
import { alone, say } from './setup/steps.mjs';
import { cudaLibraries, nvrtc, tensorflow } from './setup/tensorflow.mjs';

await alone(async () => {
  await nvrtc();
  const found = cudaLibraries();
  if (found === undefined) await tensorflow('cuda-alone');
  else say('tensorflow', found);
});
