/** A process that has an order carried out that never ends, says by whom, and does nothing about it. */
import { openPool } from '../../dist/apart/pool.js';

const pool = openPool(new URL('./program.mjs', import.meta.url), {
  subject: 'orders',
  seconds: 600,
  bytes: 2 ** 30,
  atOnce: 1,
  mostWaiting: 0,
});
pool.run({ kind: 'spin' }, { onProgress: ({ pid }) => process.stdout.write(`${pid}\n`) });
