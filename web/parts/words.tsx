/** Small parts of many pages. */
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { change } from '../../src/cli/figures.js';
import type { Factors } from '../../src/network/index.js';
import type { Trajectory } from '../../src/search/views.js';

/** What went wrong, said aloud to whoever does not see it. */
export const Trouble = ({ children }: { readonly children?: string | undefined }) =>
  children === undefined ? null : (
    <p class="trouble" role="alert">
      {children}
    </p>
  );

const STATES = {
  running: 'Running',
  paused: 'Paused',
  ended: 'Finished',
  failed: 'Failed',
  cancelled: 'Cancelled',
} as const satisfies Record<Trajectory['status'], string>;

export const State = ({ status }: { readonly status: Trajectory['status'] }) => (
  <span class={`state ${status}`}>{STATES[status]}</span>
);

export const COUNTED = {
  multiplyAdds: 'multiply-adds',
  parameters: 'parameters',
  activationBytes: 'bytes of activations',
  latency: 'latency',
} as const satisfies Record<Trajectory['complexity'], string>;

export const Videos = ({
  of: { parts, classes },
}: {
  readonly of: Pick<Trajectory['dataset'], 'parts' | 'classes'>;
}) => (
  <>
    {parts.train} train, {parts.validation} validate, {parts.test} test; {classes.length}&nbsp;classes
  </>
);

/** What one move changed. */
export const changed = (from: Factors, to: Factors): string => change(from, to).replaceAll('->', '→');

/** A share with its standard error, as "72.5 ± 3.1 %". */
export const estimate = ({ mean, error }: { readonly mean: number; readonly error: number }): string =>
  `${(100 * mean).toFixed(1)} ± ${(100 * error).toFixed(1)} %`;

export const time = (iso: string): string =>
  new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** As above, to the second. */
export const moment = (iso: string): string =>
  new Date(iso).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** How far something is; `label` says what. */
export const Bar = ({
  done,
  of,
  label,
}: {
  readonly done: number;
  readonly of: number;
  readonly label: string;
}) => (
  <span class="bar">
    <progress value={done} max={Math.max(1, of)} aria-label={label} />
    <span>
      {done.toLocaleString('en-US')}/{of.toLocaleString('en-US')}
    </span>
  </span>
);

/** Whether a video may begin by itself: not for people who have asked for less movement. */
export const mayMove = (): boolean => !matchMedia('(prefers-reduced-motion: reduce)').matches;

/** The page's title, for whoever has many tabs, or hears it. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} – x3d-search`;
  }, [title]);
}

export const Facts = ({ children }: { readonly children: ComponentChildren }) => (
  <dl class="facts">{children}</dl>
);
export const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);
