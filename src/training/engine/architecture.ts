/**
 * Which network weights belong to, told from their shapes: its widths, depths and classes. Frames, stride and crop
 * leave no trace in them: X3D-XS, S and M have the same shapes.
 */
import {
  BASES,
  type BaseName,
  type BaseNetwork,
  describeNetwork,
  type Factors,
  MODELS,
  type Network,
} from '../../network/index.js';

export interface Architecture {
  readonly stemWidth: number;
  readonly stages: readonly { readonly width: number; readonly inner: number; readonly depth: number }[];
  readonly headWidth: number;
  readonly classes: number;
  readonly shortcutNorm: BaseNetwork['shortcutNorm'];
}

export function architectureOf({ stem, stages, head, classes }: Network): Architecture {
  const shortcut = stages[0]?.[0]?.shortcut;
  return {
    stemWidth: stem.spatial.output[3],
    stages: stages.map((blocks) => ({
      width: blocks[0]?.project.output[3] ?? 0,
      inner: blocks[0]?.expand.output[3] ?? 0,
      depth: blocks.length,
    })),
    headWidth: head.hidden.output[3],
    classes,
    shortcutNorm: shortcut?.norm ? 'always' : 'where widened',
  };
}

/** Of tensors under PyTorchVideo's names; undefined where they are not those of a whole X3D. */
export function architectureIn(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[] }>,
): Architecture | undefined {
  const outputs = (name: string) => tensors.get(`${name}.weight`)?.shape[0] ?? 0;
  const stages: { width: number; inner: number; depth: number }[] = [];
  for (let s = 1; ; s++) {
    const block = (index: number) => `blocks.${s}.res_blocks.${index}`;
    let depth = 0;
    while (outputs(`${block(depth)}.branch2.conv_a`) > 0) depth++;
    if (depth === 0) break;
    stages.push({
      width: outputs(`${block(0)}.branch2.conv_c`),
      inner: outputs(`${block(0)}.branch2.conv_a`),
      depth,
    });
  }
  const head = `blocks.${stages.length + 1}`;
  const found: Architecture = {
    stemWidth: outputs('blocks.0.conv.conv_t'),
    stages,
    headWidth: outputs(`${head}.pool.post_conv`),
    classes: outputs(`${head}.proj`),
    shortcutNorm: tensors.has('blocks.1.res_blocks.0.branch1_norm.weight') ? 'always' : 'where widened',
  };
  const widths = [found.stemWidth, found.headWidth, found.classes, ...stages.map(({ width }) => width)];
  return stages.length > 0 && widths.every((width) => width > 0) ? found : undefined;
}

const shapesOf = ({ stemWidth, stages, headWidth }: Architecture) =>
  JSON.stringify([stemWidth, stages, headWidth]);

/**
 * A base whose unexpanded network has these shapes, and `clip` as its frames, stride and crop. Undefined where the
 * stages' inner widths come of no common bottleneck.
 */
export function baseWith(
  architecture: Architecture,
  clip: Pick<Factors, 'frames' | 'stride' | 'crop'>,
): BaseNetwork | undefined {
  // The bottlenecks that give a stage its inner width begin with one that gives it a whole number, near that width.
  const bottlenecks = architecture.stages.flatMap(({ width, inner }) =>
    Array.from({ length: 16 }, (_, i) => (inner + 8 - i) / width).filter((bottleneck) => bottleneck > 0),
  );
  for (const innerDivisor of [1, 8]) {
    for (const bottleneck of bottlenecks) {
      const base: BaseNetwork = {
        name: 'of the weights',
        factors: { ...clip, width: 1, bottleneck, depth: 1 },
        stemWidth: architecture.stemWidth,
        stages: architecture.stages.map(({ width, depth }) => ({ width, depth })),
        headWidth: architecture.headWidth,
        classes: architecture.classes,
        widthDivisor: 1,
        innerDivisor,
        shortcutNorm: architecture.shortcutNorm,
        grid: BASES.x2d.grid,
      };
      if (shapesOf(architectureOf(describeNetwork(base, base.factors))) === shapesOf(architecture))
        return base;
    }
  }
  return undefined;
}

const grid = (step: number, most: number) =>
  Array.from({ length: Math.round(most / step) }, (_, i) => Math.round((i + 1) * step * 100) / 100);

/** The factors of `base` that give these shapes, on the grids that people write. */
function factorsOver(base: BaseNetwork, architecture: Architecture): Factors | undefined {
  const at = (factors: Partial<Factors>) =>
    architectureOf(describeNetwork(base, { ...base.factors, ...factors }));
  const agrees = (made: Architecture, part: 'width' | 'inner' | 'depth') =>
    made.stages.length === architecture.stages.length &&
    made.stages.every((stage, s) => stage[part] === architecture.stages[s]?.[part]);
  const width = grid(0.05, 10).find((value) => agrees(at({ width: value }), 'width'));
  const depth = grid(0.1, 20).find((value) => agrees(at({ depth: value }), 'depth'));
  if (width === undefined || depth === undefined) return undefined;
  const bottleneck = grid(0.05, 12).find((value) => agrees(at({ width, bottleneck: value }), 'inner'));
  if (bottleneck === undefined) return undefined;
  const factors = { ...base.factors, width, depth, bottleneck };
  return shapesOf(at(factors)) === shapesOf(architecture) ? factors : undefined;
}

/** Published networks of these shapes, else base and factors, in words; undefined where it is of no known base. */
export function knownAs(architecture: Architecture): string | undefined {
  const models = Object.entries(MODELS)
    .filter(
      ([, factors]) =>
        shapesOf(architectureOf(describeNetwork(BASES.x2d, factors))) === shapesOf(architecture),
    )
    .map(([name]) => name);
  if (models.length > 0) return `${models.join(', ')} with ${architecture.classes} classes`;
  for (const name of Object.keys(BASES) as BaseName[]) {
    const factors = factorsOver(BASES[name], architecture);
    if (!factors) continue;
    const { width, bottleneck, depth } = factors;
    return `base ${name} at width ${width}, bottleneck ${bottleneck}, depth ${depth} with ${architecture.classes} classes`;
  }
  return undefined;
}
