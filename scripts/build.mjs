/** `npm run build`: src to dist and web to dist/web, where they are not so already. */
import { build, buildPage } from './setup/build.mjs';
import { Problem } from './setup/steps.mjs';

try {
  await build();
  await buildPage();
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`${error.message}\n${error.remedy}\n`);
  process.exitCode = 3;
}
