/** Pickles are read as data: what they hold is known, what they would do is not done. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnreadablePickle, unpickle } from '../../../src/training/engine/pickle.js';

/** Reads a pickle, given as bytes and text; calls and references come as what they were called with. */
const read = (...parts: (number | string)[]) =>
  unpickle(
    Uint8Array.from(
      parts.flatMap((part) => (typeof part === 'number' ? part : [...Buffer.from(part, 'latin1')])),
    ),
    { call: (name, args) => ({ name, args }), persistent: (id) => ({ id }) },
  );
const PROTO = [0x80, 2] as const;

describe('a pickle', () => {
  it('of plain values is those values', () => {
    // pickle.dumps({'a': [1, 300, -2, 2**40, 0.5, None, True], 'b': (b'xy', 'é', {1})}, 4)
    const bytes = Uint8Array.from(
      Buffer.from(
        '80049540000000000000007d94288c0161945d94284b014d2c014afeffffff8a06000000000001473fe00000000000004e' +
          '88658c01629443027879948c02c3a9948f94284b01908794752e',
        'hex',
      ),
    );
    expect(unpickle(bytes, { call: () => undefined, persistent: () => undefined })).toEqual(
      new Map<string, unknown>([
        ['a', [1, 300, -2, 2 ** 40, 0.5, null, true]],
        ['b', [Uint8Array.from([0x78, 0x79]), 'é', new Set([1])]],
      ]),
    );
  });

  it('hands calls and references to its reader, and runs none', () => {
    // os.system('reboot'), as an exploit writes it.
    expect(read(...PROTO, 'cos\nsystem\n', 'X', 6, 0, 0, 0, 'reboot', 0x85, 'R.')).toEqual({
      name: 'os.system',
      args: ['reboot'],
    });
    expect(read(...PROTO, 'X', 1, 0, 0, 0, 'k', 'Q.')).toEqual({ id: 'k' });
  });

  it('keeps what an unread object is, not its state or its items', () => {
    const made = read(...PROTO, 'cargparse\nNamespace\n)', 0x81, '}K', 1, 'K', 2, 'sb.');
    expect(made).toEqual({ name: 'argparse.Namespace', args: [] });
  });

  it('shares what was kept', () => {
    expect(read(...PROTO, ']q', 0, 'h', 0, 0x86, '.')).toEqual([[], []]);
  });

  it.each([
    ['of text', ['(lp0\n.']],
    ['of another protocol', [0x80, 9, 'N.']],
    ['that ends early', [...PROTO, 'X', 9, 0, 0, 0, 'short']],
    ['without an end', [...PROTO, 'N']],
    ['of a length beyond everything', [...PROTO, 0x8d, 255, 255, 255, 255, 255, 255, 255, 255]],
    ['that takes from an empty stack', [...PROTO, '.']],
    ['that takes a mark', [...PROTO, '(', 0x85, '.']],
    ['without a mark', [...PROTO, 'Nt.']],
    ['that recalls what was not kept', [...PROTO, 'h', 3, '.']],
    ['that names something with no text', [...PROTO, 'K', 1, 'K', 2, 0x93, '.']],
    ['with an opcode of text pickles', [...PROTO, 'I1\n.']],
  ] as const)('%s is refused', (_, parts) => {
    expect(() => read(...parts)).toThrow(UnreadablePickle);
  });

  it('names nothing by a list of lists, whose text would be longer than all memory', () => {
    const doublings = Array.from({ length: 60 }, () => ['2', 0x86]).flat();
    expect(() => read(...PROTO, ')', ...doublings, 'N', 0x93, '.')).toThrow(UnreadablePickle);
  });

  it('of any bytes is read or refused, and that at once', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read(...PROTO, ...bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(UnreadablePickle);
        }
      }),
      { numRuns: 300 },
    );
  });
});
