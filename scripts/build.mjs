/** `npm run build`: src to dist, where dist is not as src already. */
import { build } from './setup/build.mjs';
import { Problem } from './setup/steps.mjs';

try {
  await build();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`${error.message}\n${error.remedy}\n`);
  process.exitCode = 3;
}
