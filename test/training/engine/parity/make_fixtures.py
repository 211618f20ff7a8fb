"""Writes what PyTorchVideo's X3D computes, for the engine to be held to: one JSON file a case.

Weights, pixels and labels are drawn by a formula that the test repeats (`drawn` here and there), so that the files hold
results only: logits in evaluation and in training, running statistics after one step, losses of five SGD steps on one
batch, of every parameter's gradient and of every parameter after the steps its norm and some of its values, and how
far PyTorch's own single precision is off in the gradients.
Everything is computed in double precision: the figures are the function's own.

    pip install torch==2.13.0 pytorchvideo==0.1.5 fvcore iopath numpy
    python make_fixtures.py FOLDER [NAME=JSON_OF_FACTORS...]
"""
import copy
import json
import sys
import types
from pathlib import Path

import numpy as np
import torch

# The package's other heads want an operation of torchvision by name; X3D does not use it.
stand_in = types.ModuleType("torchvision.ops")
stand_in.RoIAlign = object
sys.modules.setdefault("torchvision", types.ModuleType("torchvision"))
sys.modules.setdefault("torchvision.ops", stand_in)
from pytorchvideo.models.x3d import create_x3d  # noqa: E402

STEPS = 5
OPTIMIZER = dict(lr=0.005, momentum=0.9, weight_decay=0.01, nesterov=True)

CASES = {
    "x2d": dict(frames=1, stride=32, crop=112, width=1, bottleneck=1, depth=1),
    "xs": dict(frames=4, stride=12, crop=160, width=1, bottleneck=2.25, depth=2.2),
    # At this crop no ReLU's input is so near to zero (a millionth of the largest) that rounding decides its gradient.
    "narrow": dict(frames=3, stride=2, crop=35, width=0.5, bottleneck=1.5, depth=1),
    "odd-frames": dict(frames=7, stride=3, crop=50, width=0.4, bottleneck=2.25, depth=0.5),
    "odd-crop": dict(frames=2, stride=5, crop=93, width=0.75, bottleneck=1.75, depth=1.2),
    "wide": dict(frames=2, stride=8, crop=48, width=1.45, bottleneck=1, depth=0.4),
    "deep": dict(frames=1, stride=1, crop=80, width=0.3, bottleneck=2, depth=2),
    "long": dict(frames=9, stride=2, crop=33, width=0.35, bottleneck=3, depth=0.6),
}
CLASSES = 7
SAMPLES = 8


def drawn(name: str, count: int) -> np.ndarray:
    """Whole numbers from 0 to 2^32 - 1: FNV-1a of the name, then MurmurHash3's last step of each index."""
    seed = 2166136261
    for byte in name.encode():
        seed = (seed ^ byte) * 16777619 & 0xFFFFFFFF
    mask = np.uint64(0xFFFFFFFF)
    h = (np.arange(count, dtype=np.uint64) + np.uint64(seed)) & mask
    h ^= h >> np.uint64(16)
    h = h * np.uint64(0x85EBCA6B) & mask
    h ^= h >> np.uint64(13)
    h = h * np.uint64(0xC2B2AE35) & mask
    h ^= h >> np.uint64(16)
    return h


def spread(name: str, count: int) -> np.ndarray:
    """Floats from -1 to 1."""
    return (drawn(name, count).astype(np.float64) / 2**31 - 1).astype(np.float32).astype(np.float64)


def clips_of(name):
    # Enough of them that batch norms over what strides leave are well conditioned.
    return 4 if name in ("x2d", "xs") else 6


def model_of(factors: dict, classes: int) -> torch.nn.Module:
    return create_x3d(
        input_clip_length=factors["frames"],
        input_crop_size=factors["crop"],
        model_num_class=classes,
        dropout_rate=0,
        stem_dim_in=12,
        width_factor=2 * factors["width"],
        depth_factor=factors["depth"],
        bottleneck_factor=factors["bottleneck"],
        head_activation=None,
    )


def make(folder: Path, name: str, factors: dict):
    torch.set_default_dtype(torch.float64)
    model = model_of(factors, CLASSES)
    with torch.no_grad():
        for key, value in model.state_dict().items():
            if not value.is_floating_point():
                continue
            u = torch.from_numpy(spread(key, value.numel())).reshape(value.shape)
            # Away from the start's zeros and ones, where mistakes hide.
            if "norm" in key and key.endswith(".weight") and value.ndim == 1 or key.endswith("running_var"):
                # Blocks that add little to their shortcut, as in a trained network: rounding does not pile up.
                value.copy_((0.25 if "norm_c" in key and key.endswith("weight") else 1) * (1 + 0.5 * u))
            elif value.ndim == 1:
                value.copy_(0.3 * u)
            else:
                value.copy_(u * np.float32(np.sqrt(3 / value[0].numel())))
            value.copy_(value.float().double())
    clips = clips_of(name)
    shape = (factors["frames"], clips, factors["crop"], factors["crop"], 3)
    pixels = torch.from_numpy((drawn("pixels", int(np.prod(shape))) % 256).astype(np.int64)).reshape(shape)
    x = (pixels.permute(1, 4, 0, 2, 3).double() / 255 - 0.45) / 0.225
    labels = torch.from_numpy((drawn("labels", clips) % CLASSES).astype(np.int64))

    def described(tensors):
        """Norm and evenly spaced values of each."""
        result = []
        for tensor in tensors:
            flat = tensor.detach().ravel()
            at = [i * flat.numel() // SAMPLES for i in range(min(SAMPLES, flat.numel()))]
            result.append([round(v, 9) if abs(v) > 1e-3 else v for v in [flat.norm().item(), *flat[at].tolist()]])
        return result

    model.eval()
    with torch.no_grad():
        logits = model(x).tolist()

    model.train()
    floats = copy.deepcopy(model).float()
    floats.zero_grad()
    torch.nn.functional.cross_entropy(floats(x.float()), labels).backward()
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    decayed = [p for n, p in model.named_parameters() if not (n.endswith("bias") or "norm" in n and p.ndim == 1)]
    chosen = {id(p) for p in decayed}
    others = [p for p in model.parameters() if id(p) not in chosen]
    optimizer = torch.optim.SGD([dict(params=decayed), dict(params=others, weight_decay=0)], **OPTIMIZER)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        output = model(x)
        loss = torch.nn.functional.cross_entropy(output, labels)
        loss.backward()
        if step == 0:
            training_logits = output.tolist()
            gradients = described(p.grad for p in model.parameters())
            norms_of = [p.grad.norm().item() for p in model.parameters()]
            # How far PyTorch itself is off in single precision, measured as the test measures.
            single = max(
                (f.grad.double() - p.grad).abs().max().item() / max(norm, 1e-4 * max(norms_of))
                for f, p, norm in zip(floats.parameters(), model.parameters(), norms_of)
            )
            statistics = described(t for m in norms for t in (m.running_mean, m.running_var))
        losses.append(loss.item())
        optimizer.step()
    case = dict(
        factors=factors,
        classes=CLASSES,
        clips=clips,
        optimizer=OPTIMIZER,
        tensors={k: list(v.shape) for k, v in model.state_dict().items()},
        parameters=[n for n, _ in model.named_parameters()],
        norms=[n for n, m in model.named_modules() if m in norms],
        logits=logits,
        trainingLogits=training_logits,
        gradients=gradients,
        singlePrecision=single,
        statistics=statistics,
        losses=losses,
        trained=described(model.parameters()),
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(case))


if __name__ == "__main__":
    cases = dict(argument.split("=", 1) for argument in sys.argv[2:])
    for name, factors in ({k: json.loads(v) for k, v in cases.items()} or CASES).items():
        make(Path(sys.argv[1]), name, factors)
