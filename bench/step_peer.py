"""The other side of bench/step.mjs: the same network and step in PyTorch, in one of three ways: eager, channels-last,
compile. Takes the line as JSON, then for each number on stdin runs as many steps and times them."""
import json
import resource
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

line = json.loads(sys.argv[1])
way = line["way"]
torch.set_num_threads(line["threads"])
torch.manual_seed(0)
cuda = line["device"].startswith("cuda")
device = torch.device(line["device"])
half = cuda and line.get("mixed", False)


def padding(kernel):
    return tuple(k // 2 for k in kernel)


class Block(nn.Module):
    def __init__(self, block):
        super().__init__()

        def conv(layer, groups=1):
            kernel = tuple(layer["kernel"])
            stride = (1, layer["stride"], layer["stride"])
            inputs, outputs = layer["input"][3], layer["output"][3]
            return nn.Conv3d(inputs, outputs, kernel, stride, padding(kernel), groups=groups, bias=False)

        inner = block["channelwise"]["output"][3]
        outer = block["project"]["output"][3]
        self.a, self.norm_a = conv(block["expand"]), nn.BatchNorm3d(inner)
        self.b, self.norm_b = conv(block["channelwise"], inner), nn.BatchNorm3d(inner)
        self.c, self.norm_c = conv(block["project"]), nn.BatchNorm3d(outer)
        excite = block.get("squeezeExcite")
        self.excite = excite and nn.Sequential(
            nn.Conv3d(inner, excite["reduce"]["output"][3], 1),
            nn.ReLU(),
            nn.Conv3d(excite["reduce"]["output"][3], inner, 1),
            nn.Sigmoid(),
        )
        shortcut = block.get("shortcut")
        self.shortcut = shortcut and conv(shortcut["convolution"])
        self.shortcut_norm = nn.BatchNorm3d(outer) if shortcut and shortcut.get("norm") else None

    def forward(self, x):
        s = self.shortcut(x) if self.shortcut else x
        s = self.shortcut_norm(s) if self.shortcut_norm else s
        x = F.relu(self.norm_a(self.a(x)), inplace=True)
        x = self.norm_b(self.b(x))
        if self.excite:
            x = x * self.excite(x.mean((2, 3, 4), keepdim=True))
        return F.relu(self.norm_c(self.c(F.silu(x))) + s, inplace=True)


class Network(nn.Module):
    def __init__(self, network):
        super().__init__()
        stem, head = network["stem"], network["head"]
        width = stem["spatial"]["output"][3]
        self.spatial = nn.Conv3d(3, width, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False)
        self.temporal = nn.Conv3d(width, width, (5, 1, 1), 1, (2, 0, 0), groups=width, bias=False)
        self.norm = nn.BatchNorm3d(width)
        self.blocks = nn.Sequential(*[Block(b) for stage in network["stages"] for b in stage])
        inputs, inner = head["expand"]["input"][3], head["expand"]["output"][3]
        self.expand, self.expand_norm = nn.Conv3d(inputs, inner, 1, bias=False), nn.BatchNorm3d(inner)
        self.hidden = nn.Linear(inner, head["hidden"]["output"][3], bias=False)
        self.classifier = nn.Linear(head["hidden"]["output"][3], network["classes"])

    def forward(self, x):
        x = F.relu(self.norm(self.temporal(self.spatial(x))), inplace=True)
        x = F.relu(self.expand_norm(self.expand(self.blocks(x))), inplace=True)
        return self.classifier(F.relu(self.hidden(x.mean((2, 3, 4)))))


network = line["network"]
model = Network(network).to(device)
layout = torch.contiguous_format if way == "eager" else torch.channels_last_3d
model = model.to(memory_format=layout)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True, weight_decay=5e-5)
scaler = torch.amp.GradScaler("cuda", enabled=half)
frames, height, width, _ = network["input"]
pixels = torch.randint(0, 256, (line["clips"], frames, height, width, 3), dtype=torch.uint8)
labels = (torch.arange(line["clips"]) % network["classes"]).to(device)


def forward(x):
    with torch.autocast("cuda", torch.float16, enabled=half):
        return model(x)


run = torch.compile(forward) if way == "compile" else forward


def batch():
    x = (pixels.to(device).permute(0, 4, 1, 2, 3).float() / 255 - 0.45) / 0.225
    return x.contiguous(memory_format=layout)


def step():
    if line.get("evaluate"):
        with torch.no_grad():
            return run(batch()).softmax(1).cpu()
    loss = F.cross_entropy(run(batch()).float(), labels)
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)
    return loss.item()


def timed():
    started = time.perf_counter()
    step()
    if cuda:
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - started)


model.train(not line.get("evaluate"))
timed(), timed()
print(json.dumps(dict(ready=True)), flush=True)
for count in sys.stdin:
    ms = [timed() for _ in range(int(count))]
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gpu = torch.cuda.max_memory_reserved() if cuda else 0
    print(json.dumps(dict(ms=ms, peakBytes=peak, gpuBytes=gpu)), flush=True)
