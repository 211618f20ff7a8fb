"""Loads exported weights into PyTorchVideo's create_x3d with strict=True, and prints its predictions as JSON.

    python load_weights.py WEIGHTS CLIPS '{"factors": ..., "classes": N, "clips": N}'

WEIGHTS is a safetensors file, CLIPS bytes [T, N, H, W, 3]. Needs what make_fixtures.py needs.
"""
import json
import sys

import numpy as np
import torch
from make_fixtures import model_of

TYPES = {"F32": np.float32, "I64": np.int64}


def tensors_in(path: str) -> dict:
    data = open(path, "rb").read()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    return {
        name: torch.from_numpy(
            np.frombuffer(data[start:], TYPES[entry["dtype"]], offset=entry["data_offsets"][0],
                          count=int(np.prod(entry["shape"]))).reshape(entry["shape"]).copy()
        )
        for name, entry in header.items()
        if name != "__metadata__"
    }


weights, pixels, case = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
factors = case["factors"]
model = model_of(factors, case["classes"])
model.load_state_dict(tensors_in(weights), strict=True)
shape = (factors["frames"], case["clips"], factors["crop"], factors["crop"], 3)
clips = torch.from_numpy(np.fromfile(pixels, np.uint8).reshape(shape))
model.eval()
with torch.no_grad():
    logits = model((clips.permute(1, 4, 0, 2, 3).float() / 255 - 0.45) / 0.225)
print(json.dumps(torch.softmax(logits, 1).tolist()))
