"""Writes a network as PyTorchVideo publishes its X3Ds, and prints its logits of some clips as JSON.

    python published.py x3d_xs FILE.pyth VALUES COUNT FRAMES CROP

The file is {"model_state": ...} of what its hub builds, 400 classes; every weight and statistic is drawn. VALUES are
float32 [N, 3, T, H, W]. Needs torch and pytorchvideo.
"""
import json
import sys

import numpy as np
import torch

import without_torchvision  # noqa: F401
from pytorchvideo.models.hub import x3d  # noqa: E402

name, file, values = sys.argv[1:4]
count, frames, crop = (int(word) for word in sys.argv[4:])
torch.manual_seed(1)
model = getattr(x3d, name)(pretrained=False).eval()
for part in model.modules():
    if isinstance(part, torch.nn.BatchNorm3d):
        torch.nn.init.uniform_(part.weight, 0.5, 1.5)
        torch.nn.init.normal_(part.bias, std=0.2)
        torch.nn.init.normal_(part.running_mean, std=0.2)
        torch.nn.init.uniform_(part.running_var, 0.5, 1.5)
torch.nn.init.normal_(model.blocks[5].proj.weight, std=0.1)
torch.save({"model_state": model.state_dict()}, file)
model.blocks[5].activation = None
clips = torch.from_numpy(np.fromfile(values, np.float32).reshape(count, 3, frames, crop, crop))
with torch.no_grad():
    print(json.dumps(model(clips).tolist()))
