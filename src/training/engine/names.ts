/**
 * Names of an X3D's tensors. The project's are those of PyTorchVideo's create_x3d; SlowFast, whose networks compute the
 * same, has its own (slowfast/models: stem_helper, resnet_helper, head_helper). Files have them with or without a
 * prefix, as `module.` of a network that was trained on several cards or `model.` of one inside another.
 */

/** Who named the tensors; `other` where they are not those of an X3D. */
export type Naming = 'pytorchvideo' | 'slowfast' | 'other';

/** The stem's first convolution, which every X3D has, under both names. */
const STEMS = {
  pytorchvideo: 'blocks.0.conv.conv_t.weight',
  slowfast: 's1.pathway0_stem.conv_xy.weight',
} as const;

/**
 * SlowFast's name of a layer -> PyTorchVideo's. In PyTorchVideo conv_t is the convolution in space and conv_xy the one
 * in time; SlowFast's conv_xy is the one in space.
 */
const LAYERS: Readonly<Record<string, string>> = {
  conv_xy: 'conv.conv_t',
  conv: 'conv.conv_xy',
  bn: 'norm',
  branch1: 'branch1_conv',
  branch1_bn: 'branch1_norm',
  'branch2.a': 'branch2.conv_a',
  'branch2.a_bn': 'branch2.norm_a',
  'branch2.b': 'branch2.conv_b',
  'branch2.b_bn': 'branch2.norm_b.0',
  'branch2.se.fc1': 'branch2.norm_b.1.block.0',
  'branch2.se.fc2': 'branch2.norm_b.1.block.2',
  'branch2.c': 'branch2.conv_c',
  'branch2.c_bn': 'branch2.norm_c',
  conv_5: 'pool.pre_conv',
  conv_5_bn: 'pool.pre_norm',
  lin_5: 'pool.post_conv',
  projection: 'proj',
};

const SLOWFAST =
  /^(?:s1\.pathway0_stem|s(?<stage>\d+)\.pathway0_res(?<block>\d+)|(?<head>head))\.(?<layer>.+)\.(?<part>\w+)$/;

/** PyTorchVideo's name; as it is where it is none of SlowFast's X3D. `head` is the head's block. */
function translated(name: string, head: number): string {
  const { stage, block, head: ofHead, layer = '', part } = SLOWFAST.exec(name)?.groups ?? {};
  const own = Object.hasOwn(LAYERS, layer) ? LAYERS[layer] : undefined;
  if (!own) return name;
  if (stage) return `blocks.${Number(stage) - 1}.res_blocks.${block}.${own}.${part}`;
  return `blocks.${ofHead ? head : 0}.${own}.${part}`;
}

function namingOf(names: Iterable<string>): { readonly naming: Naming; readonly prefix: string } {
  for (const name of names) {
    for (const naming of ['pytorchvideo', 'slowfast'] as const) {
      const start = name.length - STEMS[naming].length;
      if (name.endsWith(STEMS[naming]) && (start === 0 || name[start - 1] === '.'))
        return { naming, prefix: name.slice(0, start) };
    }
  }
  return { naming: 'other', prefix: '' };
}

export const areNamesOfX3d = (names: Iterable<string>) => namingOf(names).naming !== 'other';

/**
 * By PyTorchVideo's names. What stands beside the network, under another prefix, is left out, and so are the norms'
 * counts of batches, which some files have as floats.
 */
export function renamed<T>(tensors: ReadonlyMap<string, T>): {
  readonly naming: Naming;
  readonly tensors: ReadonlyMap<string, T>;
} {
  const { naming, prefix } = namingOf(tensors.keys());
  const own = [...tensors]
    .filter(([name]) => name.startsWith(prefix) && !name.endsWith('.num_batches_tracked'))
    .map(([name, tensor]): [string, T] => [name.slice(prefix.length), tensor]);
  if (naming !== 'slowfast') return { naming, tensors: new Map(own) };
  // s1 is the stem, s2 and on the stages; the head comes after the last.
  const head = Math.max(1, ...own.map(([name]) => Number(/^s(\d+)\./.exec(name)?.[1] ?? 0)));
  return { naming, tensors: new Map(own.map(([name, tensor]) => [translated(name, head), tensor])) };
}
