/** Pictures drawn as SVG, without a browser. */
import type { TopLevelSpec } from 'vega-lite';

export async function svgOf(specification: TopLevelSpec): Promise<string> {
  // Large, and needed at a search's end only.
  const [{ compile }, { parse, View }] = await Promise.all([import('vega-lite'), import('vega')]);
  const view = new View(parse(compile(specification).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
