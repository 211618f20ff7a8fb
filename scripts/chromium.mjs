/** `npm run setup:chromium`: a browser for the tests of the page, which are left out without one. */
import { chromium } from './browser.mjs';
import { asProblem, Problem } from './setup/steps.mjs';

try {
  await chromium();
} catch (thrown) {
  const error = asProblem(thrown);
  if (!(error instanceof Problem)) throw error;
  process.stderr.write(`${error.message}\n${error.remedy}\n`);
  process.exitCode = 3;
}
