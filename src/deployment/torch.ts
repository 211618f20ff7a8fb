/** The network for PyTorch: a Python file that builds it with PyTorchVideo and loads the weights beside it. */
import { savedNetworkAt } from '../training/loading.js';
import type { NamedNetwork } from './named.js';
import { perChannel } from './preprocessing.js';
import { buildsIt, dimensionsOf, STEM_WIDTH, widthFactor } from './published.js';

export const TORCH_WEIGHTS = 'weights.safetensors';
export const TORCH_SCRIPT = 'x3d.py';

/** A value of JSON is one of Python's, but for null, true and false, which do not occur here. */
const python = (value: unknown) => JSON.stringify(value);

/** create_x3d makes X2D's expansions. */
function bySixFactors(named: NamedNetwork): string {
  const { factors, base } = named.saved;
  return `    return create_x3d(
        input_clip_length=${factors.frames},
        input_crop_size=${factors.crop},
        model_num_class=len(CLASSES),
        dropout_rate=dropout,
        stem_dim_in=${STEM_WIDTH},
        width_factor=${widthFactor(factors)},
        depth_factor=${factors.depth},
        bottleneck_factor=${factors.bottleneck},
        head_dim_out=${base.headWidth},
        head_activation=None,
    )`;
}

/** The parts that create_x3d is made of, for what its factors can't say. */
function byParts(named: NamedNetwork): string {
  const network = savedNetworkAt(named.saved, 'center');
  const { stem, stages } = dimensionsOf(network);
  const { window } = network.head;
  const rows = stages.map(({ depth, inner, outer }) => `        (${depth}, ${inner}, ${outer}),`);
  return `    # Not an expansion of X2D that create_x3d knows: put together from its parts.
    blocks = [create_x3d_stem(in_channels=3, out_channels=${stem})]
    width = ${stem}
    for depth, inner, outer in (
${rows.join('\n')}
    ):
        blocks.append(create_x3d_res_stage(depth=depth, dim_in=width, dim_inner=inner, dim_out=outer))
        width = outer
    blocks.append(
        create_x3d_head(
            dim_in=width,
            dim_inner=inner,
            dim_out=${named.saved.base.headWidth},
            num_classes=len(CLASSES),
            pool_kernel_size=(${window.join(', ')}),
            dropout_rate=dropout,
            activation=None,
        )
    )
    return Net(blocks=torch.nn.ModuleList(blocks))`;
}

/** Plain Python 3, with torch, torchvision, pytorchvideo and safetensors. */
export function torchScript(named: NamedNetwork): string {
  const { name, classes, saved } = named;
  const { mean, deviation, frames, stride, rate, shortSide, crop } = saved.preprocessing;
  const whole = buildsIt(savedNetworkAt(saved, 'center'), 'pytorchvideo');
  const rateText = rate === undefined ? "the video's own" : `${rate} frames per second`;
  return `"""X3D network ${name.replaceAll(/[^\w.-]+/g, '_')}, with its weights in ${TORCH_WEIGHTS} beside this file.

    pip install torch torchvision pytorchvideo fvcore iopath safetensors

    from x3d import CLASSES, load, normalise
    model = load()
    scores = model(normalise(clips)).softmax(1)    # clips: uint8 [N, ${frames}, ${crop}, ${crop}, 3], RGB

A clip is ${frames} frames, one in ${stride} of ${rateText}; a shorter video is looped. The short side is scaled to
${shortSide} pixels; the clip is the square of ${crop} in the middle. A video's score is the mean over clips of the softmax.
"""
from pathlib import Path

import torch
${
  whole
    ? 'from pytorchvideo.models.x3d import create_x3d'
    : `from pytorchvideo.models.net import Net
from pytorchvideo.models.x3d import create_x3d_head, create_x3d_res_stage, create_x3d_stem`
}
from safetensors.torch import load_file

CLASSES = ${python(classes)}
MEAN = ${python(perChannel(mean))}
STD = ${python(perChannel(deviation))}
FRAMES, STRIDE, RATE, SHORT_SIDE, CROP = ${frames}, ${stride}, ${rate ?? 'None'}, ${shortSide}, ${crop}


def build(dropout: float = 0.0) -> torch.nn.Module:
    """The network with weights as PyTorch draws them; it gives logits."""
${whole ? bySixFactors(named) : byParts(named)}


def load(dropout: float = 0.0) -> torch.nn.Module:
    """The trained network, for evaluation; it gives logits."""
    model = build(dropout)
    model.load_state_dict(load_file(Path(__file__).with_name("${TORCH_WEIGHTS}")), strict=True)
    return model.eval()


def normalise(clips: torch.Tensor) -> torch.Tensor:
    """uint8 [N, T, H, W, 3] -> float32 [N, 3, T, H, W], what the network takes."""
    scaled = (clips.float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    return scaled.permute(0, 4, 1, 2, 3)
`;
}
