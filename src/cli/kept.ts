/**
 * A child process that is kept alive: started again when it ends, and when it no longer answers, until it is stopped or
 * ends by one cause too often.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { isOf, PING, PONG } from '../answering.js';
import { type ErrorFacts, type ErrorKind, X3dError } from '../errors.js';
import { isSent } from '../workers/death.js';
import { type End, MOST_FAULTS, openRestarts, PACE, type Pace, sayable } from './restarts.js';

export interface KeptOptions {
  /** For people, as "worker 2". */
  readonly name: string;
  readonly program: string;
  /** The process's one argument, made anew for each start. Everyone on the machine can read it. */
  readonly argument: () => object;
  /** Beside this process's own: what is secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** Whether its log goes to this process's standard error. */
  readonly verbose: boolean;
  /** It ended, and is started again; of ends by one cause in a row the 1st, 2nd, 4th, 8th, … are told. */
  readonly onReplaced: (name: string, why: string) => void;
  /** It ended by one cause too often: the tree can't go on. Absent where it goes on without: it is tried again and again. */
  readonly onGivenUp?: (error: X3dError) => void;
  /** Default PACE. */
  readonly pace?: Pace;
}

export interface Kept {
  /** Where it listens, if it does. */
  readonly url: () => string;
  readonly pid: () => number | undefined;
  /** Ends it in order; after a while, by force. */
  stop(): Promise<void>;
}

/** Of its own faults by one cause before it has ever been up: somebody waits. */
const MOST_AT_START = 6;
/** A process that leaves so many questions in a row without an answer is stuck. */
const MOST_MISSED = 6;
const STOP_MS = 8000;
const LAST_WORDS = 2000;

type Message =
  | { readonly kind: 'up'; readonly url?: string }
  | { readonly kind: 'failed'; readonly error: { readonly kind: ErrorKind; readonly facts: ErrorFacts } };

/** The line that says most of why a process ended: of what Node says of an error, not its own version. */
function tellingLine(text: string): string {
  const lines = text.trim().split('\n');
  return lines.findLast((line) => /^\w*Error\b.*: ./.test(line)) ?? lines.at(-1) ?? '';
}

interface Watched {
  readonly child: ChildProcess;
  readonly ended: Promise<End>;
}

/** Starts a process once, and asks it whether it is awake for as long as it lives; one that is not is killed. */
function watched(options: KeptOptions, onMessage: (message: Message) => void): Watched {
  const { beatMs } = options.pace ?? PACE;
  const started = performance.now();
  // A session of its own: Ctrl-C is for this process, which ends the others in order. They end by themselves when
  // the channel closes, should this one be killed.
  const child = fork(options.program, [JSON.stringify(options.argument())], {
    detached: true,
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', 'ignore', options.verbose ? 'inherit' : 'pipe', 'ipc'],
  });
  let words = '';
  child.stderr?.on('data', (bytes: Buffer) => {
    words = (words + bytes.toString()).slice(-LAST_WORDS);
  });
  let heard = started;
  // Counted, not timed: a machine that slept, and this process if it was stopped, have asked nothing meanwhile.
  let missed = 0;
  const beat = setInterval(() => {
    missed += 1;
    if (missed <= MOST_MISSED) child.send(PING, () => {});
    else child.kill('SIGKILL');
  }, beatMs);
  let failure: X3dError | undefined;
  child.on('message', (message: Message) => {
    heard = performance.now();
    missed = 0;
    if (isOf(PONG, message)) return;
    if (message.kind === 'failed') failure = new X3dError(message.error.kind, message.error.facts);
    onMessage(message);
  });
  const close = once(child, 'close').finally(() => clearInterval(beat));
  const how = ([code, signal]: unknown[]): End => {
    const now = performance.now();
    if (missed > MOST_MISSED) {
      const why = `it did not answer for ${(MOST_MISSED * beatMs) / 1000} s, and was killed`;
      return { why, ranMs: heard - started, sent: false };
    }
    const status = `${signal ?? `exit ${code}`}`;
    const said = failure?.message ?? tellingLine(words);
    const why = said === '' ? status : `${status}: ${said}`;
    // It ends in order only when it is asked to.
    const sent = code === 0 || isSent(signal as NodeJS.Signals | null);
    return { why, ranMs: now - started, sent };
  };
  // A machine that has no room for one more process says so instead.
  return { child, ended: close.then(how, ({ message }: Error) => ({ why: message, ranMs: 0, sent: false })) };
}

/**
 * Starts it, and waits for it to say that it is up. Throws the X3dError that it reports instead at its first start, or
 * environment where it does not come up.
 */
export async function keep(options: KeptOptions): Promise<Kept> {
  const { name, onReplaced, onGivenUp } = options;
  const restarted = openRestarts(options.pace ?? PACE);
  let child: ChildProcess | undefined;
  let url = '';
  let up = false;
  let stopping = false;
  let restart: NodeJS.Timeout | undefined;
  let onFirst: (message: Message) => void = () => {};

  const start = async (): Promise<void> => {
    const { child: own, ended } = watched(options, (message) => {
      if (message.kind === 'up') {
        up = true;
        url = message.url ?? '';
      }
      onFirst(message);
    });
    child = own;
    const end = await ended;
    if (stopping) return;
    const after = restarted(end);
    if (after.faults >= (up ? MOST_FAULTS : MOST_AT_START) && (onGivenUp || !up)) {
      const got = `${after.faults} ends soon after its start by ${end.why}`;
      const facts = { subject: name, expected: 'a process that stays up', got };
      onFirst({ kind: 'failed', error: { kind: 'environment', facts } });
      onGivenUp?.(new X3dError('environment', facts));
      return;
    }
    const why = sayable(after, end.why);
    if (why !== undefined) onReplaced(name, why);
    restart = setTimeout(start, after.pauseMs);
  };

  const kept: Kept = {
    url: () => url,
    pid: () => child?.pid,
    stop: async () => {
      stopping = true;
      clearTimeout(restart);
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const force = setTimeout(() => child?.kill('SIGKILL'), STOP_MS);
      await gone;
      clearTimeout(force);
    },
  };

  const first = new Promise<Message>((resolve) => {
    onFirst = resolve;
  });
  void start();
  const message = await first;
  if (message.kind === 'up') return kept;
  stopping = true;
  clearTimeout(restart);
  throw new X3dError(message.error.kind, message.error.facts);
}
