/** Who ran what when: each training as a bar in time, a row for each worker. */
import type { TopLevelSpec } from 'vega-lite';
import type { SearchEvent } from '../events.js';
import { framed, LIGHT, type Look } from '../picture.js';
import type { Trajectory } from '../views.js';

const ENDINGS = ['finished', 'failed', 'stopped', 'under way'] as const;

export interface Span {
  readonly worker: string;
  readonly training: string;
  /** What was trained, for people. */
  readonly of: string;
  /** ISO times. */
  readonly from: string;
  readonly to: string;
  readonly ended: (typeof ENDINGS)[number];
}

/** What each training is of, as "round 2: s". */
export function trainingNames({ rounds, contraction, final }: Trajectory): ReadonlyMap<string, string> {
  const compared = contraction?.candidate
    ? [{ name: `${contraction.axis} back`, trainings: contraction.candidate.trainings }]
    : [];
  const tried = rounds.flatMap(({ round, candidates }) =>
    candidates.map(({ axes, change, trainings }) => ({
      name: `round ${round}: ${change ?? axes.join(' = ')}`,
      trainings,
    })),
  );
  const found = final ? [{ name: 'the network found', trainings: final.trainings }] : [];
  const names = new Map<string, string>();
  // A candidate of several rounds is trained in the first.
  for (const { name, trainings } of [...tried, ...compared, ...found])
    for (const [index, { id }] of trainings.entries())
      if (!names.has(id)) names.set(id, index === 0 ? name : `${name}, training ${index + 1}`);
  return names;
}

/** `now`: ISO time that what is under way is drawn to. */
export function spansOf(events: readonly SearchEvent[], trajectory: Trajectory, now: string): Span[] {
  const names = trainingNames(trajectory);
  const spans: Span[] = [];
  const open = new Map<string, Pick<Span, 'worker' | 'from'>>();
  const close = (training: string, to: string, ended: Span['ended']) => {
    const begun = open.get(training);
    if (!begun) return;
    open.delete(training);
    spans.push({ ...begun, training, of: names.get(training) ?? training, to, ended });
  };
  for (const event of events) {
    if (event.kind === 'training-started') {
      // Begun anew elsewhere: its worker was lost, or the search was paused.
      close(event.training, event.at, 'stopped');
      open.set(event.training, { worker: event.worker, from: event.at });
    } else if (event.kind === 'training-finished') close(event.training, event.at, 'finished');
    else if (event.kind === 'training-failed') close(event.training, event.at, 'failed');
    else if (event.kind === 'search-paused' || /^search-(ended|failed|cancelled)$/.test(event.kind))
      for (const training of [...open.keys()]) close(training, event.at, 'stopped');
  }
  for (const training of [...open.keys()]) close(training, now, 'under way');
  return spans;
}

const LEAST_MS = 60_000;

/** Undefined where nothing was trained yet. */
export function timelineSpecification(spans: readonly Span[], look: Look = LIGHT): TopLevelSpec | undefined {
  if (spans.length === 0) return undefined;
  const workers = [...new Set(spans.map(({ worker }) => worker))];
  const times = spans.map(({ from }) => Date.parse(from));
  const begun = Math.min(...times);
  return framed(
    'Who ran what when',
    [],
    [
      {
        // Nothing is seen of it but that the axis reaches to it: of some seconds it would show parts.
        data: { values: [{ from: new Date(begun + LEAST_MS).toISOString() }] },
        mark: { type: 'rule', opacity: 0 },
        encoding: { x: { field: 'from', type: 'temporal' } },
      },
      {
        data: { values: [...spans] },
        mark: {
          type: 'bar',
          cornerRadius: 3,
          stroke: look.ground,
          strokeWidth: 1,
          tooltip: { content: 'data' },
        },
        encoding: {
          x: { field: 'from', type: 'temporal', title: null, axis: { grid: true } },
          x2: { field: 'to' },
          y: { field: 'worker', type: 'nominal', title: null, axis: { labelLimit: 130 } },
          color: {
            field: 'ended',
            type: 'nominal',
            scale: { domain: [...ENDINGS], range: ['#009e73', '#d55e00', look.quiet, '#56b4e9'] },
            legend: { title: 'training' },
          },
        },
      },
    ],
    { height: Math.max(80, 34 * workers.length), look },
  );
}
