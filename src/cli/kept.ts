/** A child process that is kept alive: started again when it dies, until it is stopped or dies as soon as it starts. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type ErrorFacts, type ErrorKind, X3dError } from '../errors.js';

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
  /** It died, and is started again. */
  readonly onReplaced: (name: string, why: string) => void;
  /** It died too often: the tree can't go on. */
  readonly onGivenUp: (error: X3dError) => void;
}

export interface Kept {
  /** Where it listens, if it does. */
  readonly url: () => string;
  readonly pid: () => number | undefined;
  /** Ends it in order; after a while, by force. */
  stop(): Promise<void>;
}

/** A process that lives shorter than this has not come up. */
const UP_MS = 10_000;
const QUICK_DEATHS = 8;
const FIRST_DELAY_MS = 100;
const MOST_DELAY_MS = 5000;
const STOP_MS = 8000;
const LAST_WORDS = 2000;

type Message =
  | { readonly kind: 'up'; readonly url?: string }
  | { readonly kind: 'failed'; readonly error: { readonly kind: ErrorKind; readonly facts: ErrorFacts } };

const lastLine = (text: string) => text.trim().split('\n').at(-1) ?? '';

/**
 * Starts it, and waits for it to say that it is up. Throws the X3dError that it reports instead at its first start, or
 * environment where it does not stay up.
 */
export async function keep(options: KeptOptions): Promise<Kept> {
  let child: ChildProcess | undefined;
  let url = '';
  let stopping = false;
  let quickDeaths = 0;
  let restart: NodeJS.Timeout | undefined;
  let onMessage: (message: Message) => void = () => {};

  const start = () => {
    const started = Date.now();
    // A session of its own: Ctrl-C is for this process, which ends the others in order. They end by themselves when
    // the channel closes, should this one be killed.
    child = fork(options.program, [JSON.stringify(options.argument())], {
      detached: true,
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'ignore', options.verbose ? 'inherit' : 'pipe', 'ipc'],
    });
    let words = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      words = (words + bytes.toString()).slice(-LAST_WORDS);
    });
    child.on('message', (message: Message) => {
      if (message.kind === 'up') url = message.url ?? '';
      onMessage(message);
    });
    child.on('close', (code, signal) => {
      if (stopping) return;
      const how = signal ?? `exit ${code}`;
      const why = words === '' ? how : `${how}: ${lastLine(words)}`;
      quickDeaths = Date.now() - started < UP_MS ? quickDeaths + 1 : 0;
      if (quickDeaths >= QUICK_DEATHS) {
        const got = `${quickDeaths} ends soon after its start, the last by ${why}`;
        const facts = { subject: options.name, expected: 'a process that stays up', got };
        onMessage({ kind: 'failed', error: { kind: 'environment', facts } });
        options.onGivenUp(new X3dError('environment', facts));
        return;
      }
      options.onReplaced(options.name, why);
      restart = setTimeout(start, Math.min(FIRST_DELAY_MS * 2 ** (quickDeaths - 1), MOST_DELAY_MS));
    });
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

  start();
  const first = await new Promise<Message>((resolve) => {
    onMessage = resolve;
  });
  onMessage = () => {};
  if (first.kind === 'up') return kept;
  stopping = true;
  throw new X3dError(first.error.kind, first.error.facts);
}
