/** A program of a pool that does as it is told. */
import { writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { workApart } from '../../dist/apart/child.js';
import { X3dError } from '../../dist/errors.js';

workApart(async (order, { signal, onProgress }) => {
  onProgress({ pid: process.pid });
  switch (order.kind) {
    case 'double':
      return 2 * order.number;
    case 'environment':
      return Object.keys(process.env);
    case 'refuse':
      throw new X3dError('data', { subject: 'a', expected: 'b' });
    case 'throw':
      throw new RangeError('a mistake');
    case 'sleep':
      await sleep(order.ms);
      return undefined;
    case 'keep':
      await sleep(60_000, undefined, { signal }).catch(() => writeFileSync(order.file, 'kept'));
      return undefined;
    case 'spin':
      for (;;);
    case 'hog': {
      // Without a turn of the event loop, as FFmpeg does it.
      const held = [];
      for (;;) held.push(Buffer.alloc(2 ** 20, 1));
    }
  }
});
