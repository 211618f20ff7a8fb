import { createRequire } from 'node:module';

/** Of package.json, which lies above src and above dist. */
export const { version: VERSION } = createRequire(import.meta.url)('../package.json') as { version: string };
