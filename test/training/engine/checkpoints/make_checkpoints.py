"""Checkpoints as PyTorch and its users write them, of tensors whose values follow from their place.

    python make_checkpoints.py FOLDER '{"blocks.0.conv.conv_t.weight": [4, 3, 1, 3, 3], ...}'

The argument is the shapes of an X3D by PyTorchVideo's names. Needs torch 1.6 or later.
"""
import argparse
import collections
import json
import re
import sys

import torch

LAYERS = {
    "conv.conv_t": "conv_xy",
    "conv.conv_xy": "conv",
    "norm": "bn",
    "branch1_conv": "branch1",
    "branch1_norm": "branch1_bn",
    "branch2.conv_a": "branch2.a",
    "branch2.norm_a": "branch2.a_bn",
    "branch2.conv_b": "branch2.b",
    "branch2.norm_b.0": "branch2.b_bn",
    "branch2.norm_b.1.block.0": "branch2.se.fc1",
    "branch2.norm_b.1.block.2": "branch2.se.fc2",
    "branch2.conv_c": "branch2.c",
    "branch2.norm_c": "branch2.c_bn",
    "pool.pre_conv": "conv_5",
    "pool.pre_norm": "conv_5_bn",
    "pool.post_conv": "lin_5",
    "proj": "projection",
}


def slowfast(name: str) -> str:
    block, rest = re.match(r"blocks\.(\d+)\.(.*)", name).groups()
    layer, part = rest.rsplit(".", 1)
    inner = re.match(r"res_blocks\.(\d+)\.(.*)", layer)
    if inner:
        return f"s{int(block) + 1}.pathway0_res{inner[1]}.{LAYERS[inner[2]]}.{part}"
    return f"{'head' if int(block) else 's1.pathway0_stem'}.{LAYERS[layer]}.{part}"


def values(shape: list) -> torch.Tensor:
    count = torch.Size(shape).numel()
    return ((torch.arange(count) * 37 % 64) / 32 + 0.5).reshape(shape)


folder, shapes = sys.argv[1], json.loads(sys.argv[2])
state = collections.OrderedDict((name, values(shape)) for name, shape in shapes.items())
state["blocks.0.norm.num_batches_tracked"] = torch.tensor(7)


def save(name: str, value: object, **options: object) -> None:
    torch.save(value, f"{folder}/{name}", **options)


save("plain.pth", state)
save("model_state.pyth", {"model_state": state})
save("protocol4.pth", state, pickle_protocol=4)
save("half.pth", {name: tensor.half() for name, tensor in state.items()})
save("bfloat16.pth", {name: tensor.bfloat16() for name, tensor in state.items()})
save("double.pth", {name: tensor.double() for name, tensor in state.items()})
save("parameters.pth", {n: torch.nn.Parameter(t, False) for n, t in state.items()})
save("old.pth", state, _use_new_zipfile_serialization=False)

# Tensors that are views: of one storage, and with another order of axes in memory.
flat = torch.cat([tensor.flatten().float() for tensor in state.values()])
views = flat.split([tensor.numel() for tensor in state.values()])
save("one_storage.pth", {n: v.reshape(t.shape) for (n, t), v in zip(state.items(), views)})
last = torch.channels_last_3d
save("channels_last.pth",
     {n: t.contiguous(memory_format=last) if t.dim() == 5 else t for n, t in state.items()})

# As DistributedDataParallel and Lightning do, with another network and an optimizer beside it.
parameter = torch.nn.Parameter(torch.ones(3))
optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.9)
parameter.sum().backward()
optimizer.step()
save("lightning.ckpt", {
    "epoch": 3,
    "hyper_parameters": argparse.Namespace(rate=0.1, kinds={"a", "b"}),
    "loops": collections.defaultdict(list),
    "optimizer_states": [optimizer.state_dict()],
    "averages": {"other.weight": torch.ones(2)},
    "state_dict": {**{f"model.module.{n}": t for n, t in state.items()}, "loss.weight": torch.ones(3)},
})
save("slowfast.pyth", {
    "epoch": 300,
    "model_state": collections.OrderedDict((slowfast(n), t) for n, t in state.items()),
    "optimizer_state": optimizer.state_dict(),
    "cfg": "TRAIN:\n  ENABLE: true\n",
})

# None of these holds an X3D's weights.
save("whole_model.pth", torch.nn.Sequential(torch.nn.Linear(2, 2)))
save("resnet.pth", torch.nn.Linear(2, 2).state_dict())
save("number.pth", 3)
torch.jit.script(torch.nn.Linear(2, 2)).save(f"{folder}/script.pt")
