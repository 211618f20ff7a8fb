/**
 * Logs of the processes, on standard error: for people where that is a terminal, else a line of JSON each. A fault that
 * comes again and again is written once, and then how often it came. Commands of Redis are left out of its errors, since
 * one of them holds the password.
 */
import pc from 'picocolors';
import { type DestinationStream, type Logger, pino } from 'pino';
import { harmless } from './harmless.js';

/** How long the same warning is counted before its number is written. */
const COUNTED_MS = 30_000;
const WARNING = 40;

export interface LogOptions {
  readonly quiet: boolean;
  readonly countedMs?: number;
  /** Default: standard error. */
  readonly destination?: DestinationStream;
}

const COLOURS: Readonly<Record<number, (text: string) => string>> = {
  30: pc.cyan,
  40: pc.yellow,
  50: pc.red,
  60: pc.red,
};

/** One line for people from one of JSON. */
export function lineForPeople(json: string): string {
  const {
    level,
    time,
    pid: _,
    hostname: __,
    process,
    msg,
    err,
    ...rest
  } = JSON.parse(json) as Record<string, unknown>;
  const colour = COLOURS[level as number] ?? pc.gray;
  const { stack, message } = (err ?? {}) as { stack?: string; message?: string };
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const words = [
    new Date(time as number).toISOString().slice(11, 19),
    colour(`${process}`),
    msg,
    message,
    ...fields,
  ];
  const line = words.filter((word) => word !== undefined && word !== '').map((word) => `${word}`);
  const [when = '', who = '', ...what] = line;
  return `${when} ${who} ${harmless(what.join(' '))}${stack === undefined ? '' : `\n${harmless(stack, '\n')}`}\n`;
}

const toPeople: DestinationStream = {
  write: (json) => {
    process.stderr.write(lineForPeople(json));
  },
};

const sameness = (level: number, values: readonly unknown[]): string =>
  JSON.stringify([level, ...values], (key, value) => {
    if (/^(reqId|req|res|responseTime|jobId)$/.test(key)) return undefined;
    return value instanceof Error ? `${value}` : value;
  });

/** `name` is the process's. */
export function openLog(name: string, { quiet, countedMs = COUNTED_MS, destination }: LogOptions): Logger {
  const counts = new Map<string, number>();
  const target = destination ?? (process.stderr.isTTY ? toPeople : pino.destination(2));
  return pino(
    {
      level: quiet ? 'silent' : 'info',
      redact: { paths: ['command', '*.command', 'req.headers', 'headers.authorization'], remove: true },
      hooks: {
        logMethod(values, method, level) {
          if (level < WARNING) return method.apply(this, values);
          const same = sameness(level, values);
          const count = counts.get(same);
          if (count !== undefined) {
            counts.set(same, count + 1);
            return;
          }
          counts.set(same, 0);
          setTimeout(() => {
            const more = counts.get(same) ?? 0;
            counts.delete(same);
            const [first, ...rest] = values as unknown as [unknown, ...unknown[]];
            const merged =
              first instanceof Error
                ? { err: first, timesMore: more }
                : { ...(first as object), timesMore: more };
            if (more > 0)
              method.apply(
                this,
                (typeof first === 'string' ? [{ timesMore: more }, first] : [merged, ...rest]) as never,
              );
          }, countedMs).unref();
          return method.apply(this, values);
        },
      },
    },
    target,
  ).child({ process: name });
}
