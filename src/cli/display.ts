/**
 * What `run` shows while a search runs: on a terminal a view that is drawn anew, elsewhere a line for each thing that
 * happens, as text or as JSON.
 */
import { createLogUpdate } from 'log-update';
import pc from 'picocolors';
import { forTerminal } from '../harmless.js';
import type { Phase } from '../search/events.js';
import type { SearchState } from '../search/state.js';
import { trajectoryOf } from '../search/trajectory.js';
import type { Trajectory } from '../search/views.js';
import type { TrainingProgress } from '../training/training.js';
import type { Happening } from './client.js';
import { duration, quantity } from './figures.js';
import { lineOf, progressLine } from './lines.js';
import { say, sayData } from './printing.js';
import { wrapped } from './table.js';
import { costName, phaseTable, trajectoryTable } from './tables.js';

export interface Display {
  /** Something long before the search begins: `what` as "looking at videos". */
  preparing(what: string, done: number, of: number): void;
  /** `state` is the search's after it. */
  happened(happening: Happening, state: SearchState): void;
  /** Something beside the search; for programs as `data`. */
  note(line: string, data: object): void;
  /** The last words, below all that was shown. */
  end(text: string, data: object): void;
  /** Nothing more is shown. Safe to repeat. */
  close(): void;
}

/** A line of progress for one thing comes no more often than this. */
const LINE_MS = 5000;
const FRAME_MS = 150;
const STARTING = 'starting Redis, the service and the workers';

/** Whether it is time to speak of a thing again. */
function patience(): (of: string) => boolean {
  const spoken = new Map<string, number>();
  return (of) => {
    const now = Date.now();
    if (now - (spoken.get(of) ?? 0) < LINE_MS) return false;
    spoken.set(of, now);
    return true;
  };
}

function lineDisplay(print: (line: string, data: object) => void): Display {
  const due = patience();
  return {
    preparing: (what, done, of) => {
      if (done === of || due(what)) print(`${what}: ${done} of ${of}`, { kind: 'preparing', what, done, of });
    },
    happened: (happening, state) => {
      if (happening.kind === 'event') {
        const { version, event } = happening;
        print(lineOf(event, state), { version, ...event });
        return;
      }
      const { training, progress } = happening;
      if (progress && due(training)) print(progressLine(state, training, progress), happening);
    },
    note: print,
    end: print,
    close: () => {},
  };
}

function liveDisplay(output: NodeJS.WriteStream, leaving: string): Display {
  const draw = createLogUpdate(output);
  const progresses = new Map<string, TrainingProgress>();
  const since = Date.now();
  let preparation = STARTING;
  let latest: SearchState | undefined;
  /** Of the latest state: frames are many, and figures are not judged anew for each. */
  let shown: Trajectory | undefined;

  const view = () => {
    if (!latest) return preparation;
    shown ??= trajectoryOf(latest);
    const trajectory = shown;
    const { search, status, phase, base, target, complexity, rounds } = trajectory;
    const stage = status === 'paused' ? 'paused' : stageOf(phase);
    return [
      `${pc.bold(stage)}  search ${search}, ${base} to ${quantity(target, complexity)} ${costName(trajectory)}, ${duration((Date.now() - since) / 1000)}`,
      phaseTable(trajectory, progresses),
      ...(rounds.some(({ winner }) => winner) ? ['', 'so far', trajectoryTable(trajectory)] : []),
      pc.gray(leaving),
    ].join('\n');
  };
  const frame = setInterval(() => draw(forTerminal(view())), FRAME_MS);
  const above = (line: string) => {
    draw.clear();
    say(wrapped(line), output);
    draw(forTerminal(view()));
  };
  const close = () => {
    clearInterval(frame);
    draw.clear();
    draw.done();
  };
  return {
    preparing: (what, done, of) => {
      preparation = done < of ? `${what}: ${done} of ${of}` : STARTING;
      // The making of videos leaves no time for frames.
      draw(forTerminal(view()));
    },
    happened: (happening, state) => {
      if (state !== latest) shown = undefined;
      latest = state;
      if (happening.kind === 'progress') {
        if (happening.progress) progresses.set(happening.training, happening.progress);
        return;
      }
      const { event } = happening;
      // What the tables do not keep stays to be read above them.
      if (
        event.kind === 'training-failed' ||
        event.kind === 'target-unreachable' ||
        event.kind === 'budget-reached' ||
        event.kind === 'schedule-lengthened'
      )
        above(pc.yellow(lineOf(event, state)));
      else if (event.kind === 'axis-skipped' || event.kind === 'recipe-chosen')
        above(pc.gray(lineOf(event, state)));
    },
    note: (line) => above(pc.yellow(line)),
    end: (text) => {
      close();
      say(wrapped(text), output);
    },
    close,
  };
}

/** What a search is at, in words. */
function stageOf(phase: Phase): string {
  switch (phase.kind) {
    case 'beginning':
      return 'beginning';
    case 'round':
    case 'chosen':
      if (phase.step === 'recipe') return 'trying recipes';
      return phase.step === 'exchange' ? `round ${phase.round}, exchanges` : `round ${phase.round}`;
    case 'contraction':
      return 'last step back';
    case 'final':
      return 'training in full';
  }
}

/** `leaving`: what Ctrl-C does. */
export function openDisplay(json: boolean, leaving = 'Ctrl-C stops it, and says how to go on.'): Display {
  const { stdout } = process;
  if (json) return lineDisplay((_, data) => sayData(data));
  // A terminal that does not know its size can't be drawn on.
  if (stdout.isTTY && stdout.rows > 0) return liveDisplay(stdout, leaving);
  return lineDisplay((line) => say(line));
}
