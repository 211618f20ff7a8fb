/** A chart with its heading, its figures as a table for whoever does not see it, and what can be taken away of it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { TopLevelSpec } from 'vega-lite';
import { DARK, LIGHT, type Look } from '../../src/search/picture.js';
import { download, reasonOf } from '../service/ask.js';
import { columnsOf, csvOf, type Row } from './csv.js';
import { plotWidth } from './room.js';
import { Trouble } from './words.js';

export interface ChartProps {
  readonly title: string;
  /** What it shows, in a sentence. */
  readonly children?: ComponentChildren;
  /** Of the files that are taken away. */
  readonly file: string;
  /**
   * Undefined where there is nothing to show yet. `width` of the plot, roughly, pixels. Keep it as it is while nothing
   * changes: a new one is drawn anew.
   */
  readonly specification: (look: Look, width?: number) => TopLevelSpec | undefined;
  readonly rows: readonly Row[];
  /** Instead of a chart that there is not. */
  readonly nothing?: string;
}

const DARK_SCHEME = '(prefers-color-scheme: dark)';

function useLook(): Look {
  const [dark, setDark] = useState(() => matchMedia(DARK_SCHEME).matches);
  useEffect(() => {
    const scheme = matchMedia(DARK_SCHEME);
    const changed = () => setDark(scheme.matches);
    scheme.addEventListener('change', changed);
    return () => scheme.removeEventListener('change', changed);
  }, []);
  return dark ? DARK : LIGHT;
}

/** An element's width, in steps so that a scroll bar that comes and goes redraws nothing. */
function useWidth(element: { readonly current: HTMLElement | null }): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    if (!element.current) return;
    const observer = new ResizeObserver(([entry]) => {
      setWidth(20 * Math.floor((entry?.contentRect.width ?? 0) / 20));
    });
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

const MOST_ROWS = 500;

export function Figures({ rows, caption }: { readonly rows: readonly Row[]; readonly caption: string }) {
  const columns = columnsOf(rows);
  const shown = (value: Row[string]) =>
    typeof value === 'number' ? Number(value.toPrecision(6)).toLocaleString('en-US') : String(value ?? '');
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section class="scroll tall" tabIndex={0} aria-label={caption}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th scope="col" key={column}>
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MOST_ROWS).map((row, index) => (
            <tr key={index}>
              {columns.map((column) => (
                <td key={column} class={typeof row[column] === 'number' ? 'figure' : undefined}>
                  {shown(row[column])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > MOST_ROWS && (
        <p>
          The first {MOST_ROWS} of {rows.length.toLocaleString('en-US')} rows; CSV has them all.
        </p>
      )}
    </section>
  );
}

export function Chart({ title, children, file, specification, rows, nothing }: ChartProps) {
  const look = useLook();
  const canvas = useRef<HTMLDivElement>(null);
  const width = useWidth(canvas);
  const [asTable, setAsTable] = useState(false);
  const [trouble, setTrouble] = useState<string>();
  const drawn = useMemo(() => specification(look, plotWidth(width)), [specification, look, width]);

  useEffect(() => {
    if (!drawn || width === 0) return;
    let gone = false;
    let remove: (() => void) | undefined;
    const element = canvas.current;
    import('./drawing.js')
      .then(async ({ draw }) => {
        // The picture before stays until this one is there.
        const next = document.createElement('div');
        const finalize = await draw(next, drawn, width);
        if (gone) return finalize();
        remove = finalize;
        element?.replaceChildren(next);
        element?.setAttribute('data-look', look.ground);
        setTrouble(undefined);
      })
      .catch((error) => setTrouble(reasonOf(error)));
    return () => {
      gone = true;
      remove?.();
    };
  }, [drawn, width, look]);

  const take = async (kind: 'svg' | 'png' | 'csv') => {
    try {
      const own = specification(LIGHT);
      if (kind === 'csv') download(`${file}.csv`, new Blob([csvOf(rows)], { type: 'text/csv' }));
      else if (own) {
        const { svgOf, pngOf } = await import('./drawing.js');
        download(`${file}.${kind}`, await (kind === 'svg' ? svgOf(own) : pngOf(own)));
      }
    } catch (error) {
      setTrouble(reasonOf(error));
    }
  };
  return (
    <figure class="chart">
      <figcaption>
        <h2>{title}</h2>
        {children && <p>{children}</p>}
      </figcaption>
      {!drawn && <p class="nothing">{nothing ?? 'Nothing to show yet.'}</p>}
      <div class="drawn" ref={canvas} role="img" aria-label={`${title}, as a chart`} hidden={!drawn} />
      <Trouble>{trouble}</Trouble>
      {drawn && (
        <div class="tools">
          <button type="button" class="quiet" aria-expanded={asTable} onClick={() => setAsTable(!asTable)}>
            Table
          </button>
          {(['svg', 'png', 'csv'] as const).map((kind) => (
            <button type="button" class="quiet" key={kind} onClick={() => take(kind)}>
              <span class="unseen">Save “{title}” as </span>
              {kind.toUpperCase()}
            </button>
          ))}
        </div>
      )}
      {asTable && <Figures rows={rows} caption={`${title}, as figures`} />}
    </figure>
  );
}
