/** Vega-Lite, drawn without code that is made at run time: the page's policy allows none. */
import { parse, View } from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { compile, type TopLevelSpec } from 'vega-lite';
import { isNarrow } from './room.js';

/** A specification as it fits the page: as wide as there is room, under a heading that the page has already. */
function fitted(specification: TopLevelSpec, width: number): TopLevelSpec {
  const { title: _, config, ...rest } = specification;
  const legend = isNarrow(width)
    ? {
        ...config?.legend,
        orient: 'bottom',
        columns: 2,
        direction: 'horizontal',
        // One below the other, since two have no room side by side.
        layout: { bottom: { anchor: 'start', direction: 'vertical', margin: 6 } },
      }
    : config?.legend;
  return {
    ...rest,
    width,
    padding: 4,
    autosize: { type: 'fit-x', contains: 'padding' },
    background: 'transparent',
    config: { ...config, legend },
  } as TopLevelSpec;
}

const viewOf = (specification: TopLevelSpec) =>
  new View(parse(compile(specification).spec, undefined, { ast: true }), {
    expr: expressionInterpreter,
    renderer: 'none',
  });

/** Draws into `element`; gives back how to take it away. */
export async function draw(
  element: HTMLElement,
  specification: TopLevelSpec,
  width: number,
): Promise<() => void> {
  const view = viewOf(fitted(specification, width)).renderer('canvas').initialize(element).hover();
  await view.runAsync();
  return () => view.finalize();
}

async function taken<Image>(
  specification: TopLevelSpec,
  take: (view: View) => Promise<Image>,
): Promise<Image> {
  const view = viewOf(specification);
  try {
    return await take(view);
  } finally {
    view.finalize();
  }
}

export const svgOf = (specification: TopLevelSpec): Promise<Blob> =>
  taken(specification, async (view) => new Blob([await view.toSVG()], { type: 'image/svg+xml' }));

/** Twice as fine as on the screen. */
export const pngOf = (specification: TopLevelSpec): Promise<Blob> =>
  taken(specification, async (view) => {
    const canvas = await view.toCanvas(2);
    return new Promise<Blob>((done, fail) =>
      canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error('the browser made no picture')))),
    );
  });
