/** Every operation of the table has a kernel on the CPU that does what its plain reference does. */
import { describe, expect, it } from 'vitest';
import { nativeAvailable, run } from '../../../src/training/engine/operations/native/kernels.js';
import { tf } from '../../../src/training/engine/tensorflow.js';
import { ALL, holdToReference } from './held.js';

describe.skipIf(!nativeAvailable())('on the CPU', () => {
  it.each(ALL)('%s is as its reference', (op) => holdToReference(op, 40));

  it('an input of the wrong shape is refused by its name', () => {
    const x = tf.zeros([1, 1, 2, 2, 3]);
    expect(() => run('X3dPointwise', { x, weights: tf.zeros([4, 5]) }, { stride: 1, statistics: 0 })).toThrow(
      'X3dPointwise: weights is [4, 5]; it has to be [3, 5]',
    );
  });
});
