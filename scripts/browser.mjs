/** The browser that the page is tried in: any Chromium or Chrome of the system, else Debian's package. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { answer, Problem, say } from './setup/steps.mjs';
import { need } from './setup/system.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const AGAIN = '`npm run setup:chromium`';

const isProgram = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Where the first of them on the PATH is; undefined where there is none. */
export const findChromium = () =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isProgram);

/** Elsewhere the package of that name is another thing: on Ubuntu, one that asks for snap. */
function isDebian() {
  try {
    return /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/** Makes sure that there is one. Throws a Problem where it is not to be had. */
export async function chromium() {
  if (findChromium() === undefined) {
    if (!isDebian())
      throw new Problem(
        `There is no Chromium to try the page in: none of ${NAMES.join(', ')} is on the PATH.`,
        `Install Chromium or Chrome, then ${AGAIN} again.`,
      );
    const probe = { command: 'chromium', args: ['--version'], packages: ['chromium'] };
    await need([probe], 'to try the page in', { repeat: AGAIN });
  }
  const found = findChromium();
  const version = await answer(found, ['--version']);
  if (version === undefined)
    throw new Problem(`\`${found} --version\` fails.`, `Mend it, or remove it, then ${AGAIN} again.`);
  say('browser', `${found}: ${version}`);
}
