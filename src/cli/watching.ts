/** What `train` shows while one network trains: on a terminal a line that is drawn anew, elsewhere a line now and then. */
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { forTerminal } from '../harmless.js';
import type { TrainingProgress } from '../training/training.js';
import { duration, percent } from './figures.js';
import { say, sayData } from './printing.js';

export interface Watching {
  /** A line for people, `data` for programs. */
  note(line: string, data: object): void;
  happened(progress: TrainingProgress): void;
  /** Nothing more is drawn. Safe to repeat. */
  close(): void;
}

const LINE_MS = 5000;
const PHASES = {
  data: 'looking at videos',
  training: 'training',
  statistics: 'gathering statistics',
  evaluation: 'evaluating',
} as const satisfies Record<TrainingProgress['phase'], string>;

export function progressText({ phase, done, of, ...rest }: TrainingProgress): string {
  const { loss, accuracy, learningRate, clipsPerSecond, secondsLeft } = rest;
  const figures = [
    loss === undefined ? '' : `loss ${loss.toFixed(3)}`,
    accuracy === undefined ? '' : percent(accuracy),
    learningRate === undefined ? '' : `rate ${learningRate.toPrecision(2)}`,
    clipsPerSecond === undefined ? '' : `${clipsPerSecond.toFixed(0)} clips/s`,
    secondsLeft === undefined ? '' : `${duration(secondsLeft)} left`,
  ].filter((text) => text !== '');
  return [`${PHASES[phase]}: ${done} of ${of}`, ...figures].join(', ');
}

function live(): Watching {
  const draw = createLogUpdate(process.stdout);
  let last = '';
  const show = () => draw(`${last}\n${pc.gray('Ctrl-C stops it, and says how to go on.')}`);
  return {
    note: (line) => {
      draw.clear();
      process.stdout.write(`${forTerminal(line)}\n`);
      if (last !== '') show();
    },
    happened: (progress) => {
      last = progressText(progress);
      show();
    },
    close: () => {
      draw.clear();
      draw.done();
    },
  };
}

function lines(print: (line: string, data: object) => void): Watching {
  let spoken = 0;
  let phase: string | undefined;
  return {
    note: print,
    happened: (progress) => {
      const now = Date.now();
      const ends = progress.done === progress.of;
      if (progress.phase === phase && !ends && now - spoken < LINE_MS) return;
      phase = progress.phase;
      spoken = now;
      print(progressText(progress), { kind: 'progress', ...progress });
    },
    close: () => {},
  };
}

export function watch(json: boolean): Watching {
  if (json) return lines((_, data) => sayData(data));
  return process.stdout.isTTY && process.stdout.rows > 0 ? live() : lines((line) => say(line));
}
