/**
 * `npm run setup:nvrtc`: NVRTC alone, 25 MB, with which the card's kernels are compiled without a card. Tests use it
 * where it is there; set-up for CUDA brings it in any case.
 */
import { asProblem, Problem } from './setup/steps.mjs';
import { nvrtc } from './setup/tensorflow.mjs';

try {
  await nvrtc();
} catch (thrown) {
  const error = asProblem(thrown);
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`${error.message}\n${error.remedy}\n`);
  process.exitCode = 3;
}
