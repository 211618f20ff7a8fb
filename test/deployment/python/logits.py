"""Prints what Python's own libraries make of exported networks, as JSON: {"onnx": ..., "torch": ..., "metadata": ...}.

    python logits.py MODEL.onnx TORCH_FOLDER CLIPS FRAMES COUNT CROP

CLIPS are bytes [N, T, H, W, 3]. Needs onnx, onnxruntime, torch, pytorchvideo and safetensors.
"""
import importlib.util
import json
import sys

import numpy as np
import onnx
import onnxruntime
import torch

import without_torchvision  # noqa: F401

model, folder, pixels = sys.argv[1:4]
frames, count, crop = (int(word) for word in sys.argv[4:])
clips = torch.from_numpy(np.fromfile(pixels, np.uint8).reshape(count, frames, crop, crop, 3))

spec = importlib.util.spec_from_file_location("x3d", f"{folder}/x3d.py")
x3d = importlib.util.module_from_spec(spec)
spec.loader.exec_module(x3d)
values = x3d.normalise(clips)
with torch.no_grad():
    logits = x3d.load()(values).tolist()

onnx.checker.check_model(onnx.load(model), full_check=True)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
scores, own = session.run(["scores", "logits"], {"clips": values.numpy()})
one = [session.run(["logits"], {"clips": values[i : i + 1].numpy()})[0][0].tolist() for i in range(count)]
print(
    json.dumps(
        {
            "onnx": own.tolist(),
            "oneByOne": one,
            "scores": scores.tolist(),
            "torch": logits,
            "classes": x3d.CLASSES,
            "metadata": session.get_modelmeta().custom_metadata_map,
        }
    )
)
