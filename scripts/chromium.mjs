/** `npm run setup:chromium`: a browser for the tests of the page, which are left out without one. */
import { chromium } from './browser.mjs';
import { alone } from './setup/steps.mjs';

await alone(chromium);
