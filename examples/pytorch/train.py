"""A trainer of one's own in PyTorch: x3d-search run VIDEOS --target 6M --trainer 'python3 examples/pytorch/train.py'

Reads one document from standard input, trains the network in it, and writes JSON lines to standard output; docs/trainer.md
has the forms. Needs torch and PyAV. It keeps a checkpoint and goes on from it, and leaves
weights.safetensors in the training's folder under PyTorchVideo's names, with which predict, evaluate and export work.

It is as plain as it can be: clips are decoded anew each time, and shapes are those of the document.
"""
import json
import math
import os
import random
import struct
import sys

import av
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

order = json.load(sys.stdin)
work, network = order["work"], order["network"]
recipe, factors = work["recipe"], work["factors"]
device = torch.device(order["device"])
torch.set_num_threads(order["threads"])
torch.manual_seed(work["seed"])
CHECKPOINT = os.path.join(order["checkpoints"], "checkpoint.pt")


def say(line):
    print(json.dumps(line), flush=True)


def progress(phase, done, of, **more):
    say({"kind": "progress", "progress": {"phase": phase, "done": done, "of": of, **more}})


# The network: layers have PyTorchVideo's names, which are the names of their weights.
class Layers(nn.Module):
    """Every layer of the document by its name; what is not built here is how they follow each other."""

    def __init__(self, description):
        super().__init__()
        self.names = {}

        def visit(node):
            if isinstance(node, list):
                for inner in node:
                    visit(inner)
            elif isinstance(node, dict):
                if "name" in node:
                    self.add(node)
                else:
                    for inner in node.values():
                        visit(inner)

        visit(description)

    def add(self, layer):
        inputs, outputs = layer["input"][3], layer["output"][3]
        if layer["kind"] == "batch-norm":
            module = nn.BatchNorm3d(outputs)
        elif layer["kind"] == "linear":
            module = nn.Conv3d(inputs, outputs, 1, bias=layer["bias"])
        else:
            kernel, stride = layer["kernel"], layer["stride"]
            groups = inputs if layer["kind"] == "channelwise" else 1
            padding = [k // 2 for k in kernel]
            module = nn.Conv3d(inputs, outputs, kernel, (1, stride, stride), padding, groups=groups, bias=False)
        self.names[layer["name"]] = module
        self.add_module(layer["name"].replace(".", "/"), module)

    def forward(self, layer, x):
        return self.names[layer["name"]](x)


class Network(nn.Module):
    def __init__(self, description):
        super().__init__()
        self.description = description
        self.layers = Layers([description["stem"], description["stages"], description["head"]])

    def block(self, block, x):
        run = self.layers
        shortcut = block.get("shortcut")
        skipped = run(shortcut["convolution"], x) if shortcut else x
        if shortcut and shortcut.get("norm"):
            skipped = run(shortcut["norm"], skipped)
        x = F.relu(run(block["expandNorm"], run(block["expand"], x)))
        x = run(block["channelwiseNorm"], run(block["channelwise"], x))
        excite = block.get("squeezeExcite")
        if excite:
            gate = run(excite["expand"], F.relu(run(excite["reduce"], x.mean((2, 3, 4), keepdim=True))))
            x = x * gate.sigmoid()
        x = run(block["projectNorm"], run(block["project"], F.silu(x)))
        return F.relu(x + skipped)

    def forward(self, x):
        run, stem, head = self.layers, self.description["stem"], self.description["head"]
        x = F.relu(run(stem["norm"], run(stem["temporal"], run(stem["spatial"], x))))
        for stage in self.description["stages"]:
            for block in stage:
                x = self.block(block, x)
        x = F.relu(run(head["norm"], run(head["expand"], x))).mean((2, 3, 4), keepdim=True)
        x = F.dropout(F.relu(run(head["hidden"], x)), recipe["dropout"], self.training)
        return run(head["classifier"], x).flatten(1)


# Clips: `frames` pictures, `stride` frames of the set's rate apart, a square of `crop` pixels.
def decoded(path):
    with av.open(path) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate)
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], rate


def clip(video, start, side, corner, flip=False):
    pictures, rate = video
    length = max(1, round(len(pictures) / rate * order["rate"]))
    at = [(start + i * factors["stride"]) % length / order["rate"] for i in range(factors["frames"])]
    chosen = np.stack([pictures[min(int((t + 1e-3) * rate), len(pictures) - 1)] for t in at])
    x = torch.from_numpy(chosen).permute(0, 3, 1, 2).float() / 255
    height, width = x.shape[2:]
    scale = side / min(height, width)
    size = [max(factors["crop"], round(height * scale)), max(factors["crop"], round(width * scale))]
    x = F.interpolate(x, size=size, mode="bilinear", antialias=True)
    top, left = (round(share * (whole - factors["crop"])) for share, whole in zip(corner, size))
    x = x[:, :, top : top + factors["crop"], left : left + factors["crop"]]
    x = (x - recipe["pixelMean"]) / recipe["pixelDeviation"]
    return (x.flip(3) if flip else x).permute(1, 0, 2, 3)


def training_clip(video, draw):
    side = draw.uniform(factors["crop"] * 8 / 7, factors["crop"] * 10 / 7)
    flip = work["data"].get("flip", True) and draw.random() < 0.5
    start = draw.randrange(max(1, round(len(video[0]) / video[1] * order["rate"])))
    return clip(video, start, side, (draw.random(), draw.random()), flip)


VIEWS = 10


def scores(videos):
    """A row a video: the mean of the softmax of clips spaced evenly in time."""
    model.eval()
    rows = []
    with torch.no_grad():
        for index, video in enumerate(videos):
            shown = decoded(video["path"])
            span = (factors["frames"] - 1) * factors["stride"] + 1
            last = max(0, round(len(shown[0]) / shown[1] * order["rate"]) - span)
            starts = [round(last * k / (VIEWS - 1)) for k in range(VIEWS)]
            x = torch.stack([clip(shown, start, factors["crop"], (0.5, 0.5)) for start in starts])
            rows.append(model(x.to(device)).softmax(1).mean(0).tolist())
            progress("evaluation", index + 1, len(videos))
    return rows


def save_weights(path):
    """As safetensors: a length, a header, the floats. Linear layers of the head are matrices there, as in PyTorchVideo."""
    header, parts, offset = {}, [], 0
    names = {"weight", "bias", "running_mean", "running_var"}
    for name, module in model.layers.names.items():
        for key, tensor in module.state_dict().items():
            if key not in names:
                continue
            if name in matrices and key == "weight":
                tensor = tensor.flatten(1)
            data = tensor.detach().cpu().contiguous().float().numpy().tobytes()
            header[f"{name}.{key}"] = {
                "dtype": "F32",
                "shape": list(tensor.shape),
                "data_offsets": [offset, offset + len(data)],
            }
            parts.append(data)
            offset += len(data)
    text = json.dumps(header).encode()
    with open(f"{path}.part", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))
    os.replace(f"{path}.part", path)


matrices = {network["head"]["classifier"]["name"]}
model = Network(network).to(device)
optimizer = torch.optim.SGD(
    model.parameters(),
    recipe["learningRate"],
    momentum=recipe["momentum"],
    nesterov=recipe["nesterov"],
    weight_decay=recipe["weightDecay"],
)
steps, warmup = recipe["steps"], max(1, round(recipe["warmup"] * recipe["steps"]))


def rate_at(step):
    return min(1, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / steps))


start, losses, lowest = 0, [], math.inf
if os.path.exists(CHECKPOINT):
    state = torch.load(CHECKPOINT)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    start, losses, lowest = state["step"], state["losses"], state["lowest"]

videos = [(decoded(video["path"]), video["label"]) for video in order["videos"]["train"]]
for step in range(start, steps):
    model.train()
    # From the seed and the step, so that a training that goes on draws what it would have drawn.
    draw = random.Random(f"{work['seed']} {step}")
    batch = [draw.choice(videos) for _ in range(recipe["batchSize"])]
    x = torch.stack([training_clip(video, draw) for video, _ in batch]).to(device)
    labels = torch.tensor([label for _, label in batch], device=device)
    for group in optimizer.param_groups:
        group["lr"] = recipe["learningRate"] * rate_at(step)
    logits = model(x)
    loss = F.cross_entropy(logits, labels)
    if not torch.isfinite(loss):
        reason = f"the loss of step {step} is not a number"
        say({"kind": "failure", "failure": {"kind": "not-a-number", "retry": "never", "reason": reason}})
        sys.exit(0)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    recent = sum(losses[-20:]) / len(losses[-20:])
    lowest = min(lowest, recent)
    if (step + 1) % 10 == 0 or step + 1 == steps:
        accuracy = (logits.argmax(1) == labels).float().mean().item()
        rate = optimizer.param_groups[0]["lr"]
        progress("training", step + 1, steps, loss=recent, accuracy=accuracy, learningRate=rate)
    if (step + 1) % 50 == 0:
        state = {"step": step + 1, "losses": losses, "lowest": lowest}
        torch.save({**state, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, f"{CHECKPOINT}.part")
        os.replace(f"{CHECKPOINT}.part", CHECKPOINT)

found = {
    name: scores(order["videos"][name])
    for name in work["evaluations"]
    if name in order["videos"] and order["videos"][name]
}
save_weights(os.path.join(order["folder"], "weights.safetensors"))
tenth = losses[-max(1, len(losses) // 10) :]
say(
    {
        "kind": "result",
        "scores": found,
        "views": VIEWS,
        "trainingLoss": sum(tenth) / len(tenth),
        "lowestLoss": lowest,
    }
)
