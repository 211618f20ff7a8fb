/** A network drawn by stage: how many blocks, how wide, how large, at what cost. */

import { amount } from '../../src/cli/figures.js';
import { layerCost } from '../../src/flops/cost.js';
import {
  BASES,
  type BaseName,
  type Block,
  describeNetwork,
  type Factors,
  type Layer,
  layersOf,
  type Network,
  type Shape,
} from '../../src/network/index.js';
import { Table } from './table.js';

interface Stage {
  readonly name: string;
  readonly blocks: number;
  /** [frames, height, width, channels]. */
  readonly output: Shape;
  readonly inner: number | undefined;
  readonly multiplyAdds: number;
  readonly parameters: number;
}

const totalOf = (layers: readonly Layer[]) =>
  layers.map(layerCost).reduce(
    (sum, { multiplyAdds, parameters }) => ({
      multiplyAdds: sum.multiplyAdds + multiplyAdds,
      parameters: sum.parameters + parameters,
    }),
    { multiplyAdds: 0, parameters: 0 },
  );

export function stagesOf(network: Network): Stage[] {
  const { stem, stages, head } = network;
  // Layers are named by the block of the network that they are in: 0 the stem, then the stages, last the head.
  const within = (index: number) =>
    layersOf(network).filter(({ name }) => name.startsWith(`blocks.${index}.`));
  return [
    { name: 'stem', blocks: 1, output: stem.temporal.output, inner: undefined, ...totalOf(within(0)) },
    ...stages.map((blocks: readonly Block[], index) => ({
      name: `stage ${index + 1}`,
      blocks: blocks.length,
      output: (blocks.at(-1) as Block).project.output,
      inner: blocks[0]?.expand.output[3],
      ...totalOf(within(index + 1)),
    })),
    {
      name: 'head',
      blocks: 1,
      output: head.classifier.output,
      inner: head.expand.output[3],
      ...totalOf(within(stages.length + 1)),
    },
  ];
}

const shapeText = ([frames, height, width, channels]: Shape) => `${frames}×${height}×${width}×${channels}`;

const WIDTH = 900;
const TALL = 130;

/** Heights go with the side of a picture, widths of blocks with their channels, both by their roots. */
function Drawing({ stages }: { readonly stages: readonly Stage[] }) {
  const largest = Math.max(...stages.map(({ output }) => output[1]));
  const widest = Math.max(...stages.map(({ output }) => output[3]));
  const column = WIDTH / stages.length;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboard
    <section class="scroll" tabIndex={0} aria-label="The network drawn by stage">
      <svg class="network" viewBox={`0 0 ${WIDTH} ${TALL + 74}`} aria-hidden="true">
        {stages.map(({ name, blocks, output, multiplyAdds }, index) => {
          const middle = column * (index + 0.5);
          const height = Math.max(10, TALL * Math.sqrt(output[1] / largest));
          const room = (column - 22) / blocks;
          const width = Math.max(2, Math.min(room - 2, 34 * Math.sqrt(output[3] / widest)));
          const step = Math.min(room, width + 3);
          const left = middle - (step * blocks) / 2;
          return (
            <g key={name}>
              {Array.from({ length: blocks }, (_, block) => (
                <rect
                  key={block}
                  x={left + block * step}
                  y={(TALL - height) / 2}
                  width={width}
                  height={height}
                  rx="2"
                  opacity="0.85"
                />
              ))}
              {index > 0 && (
                <path
                  d={`M${column * index - 7} ${TALL / 2} h12 m-4 -4 l4 4 l-4 4`}
                  fill="none"
                  stroke-width="1.5"
                />
              )}
              <text x={middle} y={TALL + 22} text-anchor="middle" font-size="14" font-weight="600">
                {name}
                {blocks > 1 && ` ×${blocks}`}
              </text>
              <text class="soft" x={middle} y={TALL + 42} text-anchor="middle" font-size="13">
                {shapeText(output)}
              </text>
              <text class="soft" x={middle} y={TALL + 60} text-anchor="middle" font-size="13">
                {amount(multiplyAdds)}
              </text>
            </g>
          );
        })}
      </svg>
    </section>
  );
}

interface NetworkProps {
  readonly base: string;
  readonly factors: Factors;
  readonly classes: number;
}

export function NetworkDrawing({ base, factors, classes }: NetworkProps) {
  const known = BASES[base as BaseName];
  if (!known) return null;
  const network = describeNetwork(known, factors, { classes });
  const stages = stagesOf(network);
  return (
    <section>
      <h2>Network</h2>
      <p class="hint">
        From {shapeText(network.input)} (frames, height, width, channels) to {classes} classes. Higher is a
        larger picture, wider is more channels.
      </p>
      <Drawing stages={stages} />
      <Table
        label="Stages of the network"
        columns={['Stage', 'Blocks', 'Output', 'Inner channels', 'Multiply-adds', 'Parameters']}
      >
        {stages.map(({ name, blocks, output, inner, multiplyAdds, parameters }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="figure">{blocks}</td>
            <td class="figure">{shapeText(output)}</td>
            <td class="figure">{inner}</td>
            <td class="figure">{amount(multiplyAdds)}</td>
            <td class="figure">{amount(parameters)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
