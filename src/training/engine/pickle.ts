/**
 * Python's pickle format, read as data. A pickle is a program for a stack machine that may name any function of Python
 * and call it; here nothing is looked up and nothing is run: what the program names and calls is handed to the reader,
 * who makes values of the few calls that it knows, and keeps the rest as a name. Opcodes after pickletools of Python's
 * library, protocols 2 to 5 without what only text pickles, or objects shared between processes, use.
 */

/** Something of Python that is not read: a class, a function, or what one would have made. */
export interface Unread {
  readonly kind: 'unread';
  /** As `torch.FloatStorage`. */
  readonly name: string;
}

export interface PickleReader {
  /** The value of a call, for example of `torch._utils._rebuild_tensor_v2`. */
  call(name: string, args: readonly unknown[]): unknown;
  /** The value of something outside the pickle; `id` is whatever the writer put there. */
  persistent(id: unknown): unknown;
}

/** What is wrong with a pickle; the message is for whoever names the file. */
export class UnreadablePickle extends Error {}

export const isUnread = (value: unknown): value is Unread =>
  typeof value === 'object' && value !== null && (value as Unread).kind === 'unread';

/** As pickletools names them. */
const OPCODES = {
  STOP: 0x2e,
  MARK: 0x28,
  POP: 0x30,
  POP_MARK: 0x31,
  DUP: 0x32,
  NONE: 0x4e,
  NEWTRUE: 0x88,
  NEWFALSE: 0x89,
  BININT: 0x4a,
  BININT1: 0x4b,
  BININT2: 0x4d,
  LONG1: 0x8a,
  BINFLOAT: 0x47,
  BINUNICODE: 0x58,
  SHORT_BINUNICODE: 0x8c,
  BINUNICODE8: 0x8d,
  SHORT_BINSTRING: 0x55,
  BINSTRING: 0x54,
  SHORT_BINBYTES: 0x43,
  BINBYTES: 0x42,
  BINBYTES8: 0x8e,
  BYTEARRAY8: 0x96,
  EMPTY_TUPLE: 0x29,
  TUPLE1: 0x85,
  TUPLE2: 0x86,
  TUPLE3: 0x87,
  TUPLE: 0x74,
  EMPTY_LIST: 0x5d,
  LIST: 0x6c,
  APPEND: 0x61,
  APPENDS: 0x65,
  EMPTY_DICT: 0x7d,
  DICT: 0x64,
  SETITEM: 0x73,
  SETITEMS: 0x75,
  EMPTY_SET: 0x8f,
  ADDITEMS: 0x90,
  FROZENSET: 0x91,
  GLOBAL: 0x63,
  STACK_GLOBAL: 0x93,
  REDUCE: 0x52,
  NEWOBJ: 0x81,
  NEWOBJ_EX: 0x92,
  BUILD: 0x62,
  BINPUT: 0x71,
  LONG_BINPUT: 0x72,
  MEMOIZE: 0x94,
  BINGET: 0x68,
  LONG_BINGET: 0x6a,
  BINPERSID: 0x51,
  FRAME: 0x95,
} as const;
type Opcode = keyof typeof OPCODES;
const NAMES = new Map(Object.entries(OPCODES).map(([name, code]) => [code as number, name as Opcode]));

const MARK = Symbol('mark');

/**
 * Lists and tuples become arrays, dictionaries Maps, sets Sets, whole numbers beyond 2^53 bigints, bytes Uint8Arrays.
 * Throws UnreadablePickle where the bytes are not a pickle of these protocols; the work is at most linear in them.
 */
export function unpickle(bytes: Uint8Array, reader: PickleReader): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: unknown[] = [];
  const memo = new Map<number, unknown>();
  let at = 0;

  const taken = (count: number): number => {
    if (count > bytes.length - at)
      throw new UnreadablePickle(`a pickle that ends after ${bytes.length} bytes`);
    at += count;
    return at - count;
  };
  const byte = () => bytes[taken(1)] as number;
  const short = () => view.getUint16(taken(2), true);
  const word = () => view.getUint32(taken(4), true);
  const long = () => Number(view.getBigUint64(taken(8), true));
  const raw = (count: number) => {
    const from = taken(count);
    return bytes.subarray(from, from + count);
  };
  const text = (count: number) => new TextDecoder().decode(raw(count));
  const line = () => {
    const end = bytes.indexOf(10, at);
    const found = text((end < 0 ? bytes.length : end) - at);
    taken(1);
    return found;
  };
  /** Little-endian, in two's complement. */
  const whole = (count: number) => {
    const digits = [...raw(count)].reverse();
    const value = BigInt.asIntN(
      8 * count,
      digits.reduce((sum, digit) => sum * 256n + BigInt(digit), 0n),
    );
    return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value;
  };

  const pop = (): unknown => {
    const value = stack.pop();
    if (value === undefined || value === MARK) throw new UnreadablePickle(`nothing to take at byte ${at}`);
    return value;
  };
  const top = (): unknown => {
    stack.push(pop());
    return stack.at(-1);
  };
  const some = (count: number) => Array.from({ length: count }, pop).reverse();
  const toMark = (): unknown[] => {
    const mark = stack.lastIndexOf(MARK);
    if (mark < 0) throw new UnreadablePickle(`no mark before byte ${at}`);
    return stack.splice(mark).slice(1);
  };
  const push = (value: unknown) => void stack.push(value === undefined ? null : value);
  /** Items of a list, a dictionary or a set; of anything else they are left out, as that is. */
  const add = (items: readonly unknown[]) => {
    const target = top();
    if (Array.isArray(target)) for (const item of items) target.push(item);
    if (target instanceof Set) for (const item of items) target.add(item);
    if (target instanceof Map)
      for (let i = 0; i + 1 < items.length; i += 2) target.set(items[i], items[i + 1]);
  };
  const call = (callable: unknown, args: unknown) => {
    const name = isUnread(callable) ? callable.name : 'what is no function';
    push(reader.call(name, Array.isArray(args) ? args : []));
  };
  const global = (module: unknown, name: unknown) => {
    // The text of lists in lists may be longer than all memory.
    if (typeof module !== 'string' || typeof name !== 'string')
      throw new UnreadablePickle(`no name of something before byte ${at}`);
    push({ kind: 'unread', name: `${module}.${name}` } satisfies Unread);
  };
  const remember = (index: number) => void memo.set(index, top());
  const recall = (index: number) => {
    if (!memo.has(index)) throw new UnreadablePickle(`nothing kept as ${index} before byte ${at}`);
    push(memo.get(index));
  };

  const operations: Readonly<Record<Exclude<Opcode, 'STOP'>, () => void>> = {
    MARK: () => void stack.push(MARK),
    POP: () => void stack.pop(),
    POP_MARK: () => void toMark(),
    DUP: () => push(top()),
    NONE: () => push(null),
    NEWTRUE: () => push(true),
    NEWFALSE: () => push(false),
    BININT: () => push(view.getInt32(taken(4), true)),
    BININT1: () => push(byte()),
    BININT2: () => push(short()),
    LONG1: () => push(whole(byte())),
    BINFLOAT: () => push(view.getFloat64(taken(8), false)),
    BINUNICODE: () => push(text(word())),
    SHORT_BINUNICODE: () => push(text(byte())),
    BINUNICODE8: () => push(text(long())),
    SHORT_BINSTRING: () => push(text(byte())),
    BINSTRING: () => push(text(word())),
    SHORT_BINBYTES: () => push(raw(byte())),
    BINBYTES: () => push(raw(word())),
    BINBYTES8: () => push(raw(long())),
    BYTEARRAY8: () => push(raw(long())),
    EMPTY_TUPLE: () => push([]),
    TUPLE1: () => push(some(1)),
    TUPLE2: () => push(some(2)),
    TUPLE3: () => push(some(3)),
    TUPLE: () => push(toMark()),
    EMPTY_LIST: () => push([]),
    LIST: () => push(toMark()),
    APPEND: () => add([pop()]),
    APPENDS: () => add(toMark()),
    EMPTY_DICT: () => push(new Map()),
    DICT: () => {
      const items = toMark();
      push(new Map());
      add(items);
    },
    SETITEM: () => add(some(2)),
    SETITEMS: () => add(toMark()),
    EMPTY_SET: () => push(new Set()),
    ADDITEMS: () => add(toMark()),
    FROZENSET: () => push(new Set(toMark())),
    GLOBAL: () => global(line(), line()),
    STACK_GLOBAL: () => global(...(some(2) as [unknown, unknown])),
    REDUCE: () => call(...(some(2) as [unknown, unknown])),
    NEWOBJ: () => call(...(some(2) as [unknown, unknown])),
    NEWOBJ_EX: () => {
      const [made, args] = some(3);
      call(made, args);
    },
    // The state of an object: none is kept, since no object is made.
    BUILD: () => void pop(),
    BINPUT: () => remember(byte()),
    LONG_BINPUT: () => remember(word()),
    MEMOIZE: () => remember(memo.size),
    BINGET: () => recall(byte()),
    LONG_BINGET: () => recall(word()),
    BINPERSID: () => push(reader.persistent(pop())),
    FRAME: () => void taken(8),
  };

  if (byte() !== 0x80 || byte() > 5) throw new UnreadablePickle('no pickle of protocol 2 to 5');
  for (;;) {
    const opcode = byte();
    const name = NAMES.get(opcode);
    if (!name) throw new UnreadablePickle(`opcode 0x${opcode.toString(16)} at byte ${at - 1}`);
    if (name === 'STOP') return pop();
    operations[name]();
  }
}
