"""Training batches by a PyTorch DataLoader on PyAV: milliseconds a batch, for the job on standard input."""

import json
import random
import sys
import time

import av
import torch
from torch.nn.functional import interpolate
from torch.utils.data import DataLoader, Dataset

torch.set_num_threads(1)


class Clips(Dataset):
    def __init__(self, job):
        self.job = job

    def __len__(self):
        return self.job["steps"] * self.job["batchSize"]

    def __getitem__(self, index):
        torch.set_num_threads(1)
        job = self.job
        video = job["videos"][index % len(job["videos"])]
        draw = random.Random(index)
        span = (job["frames"] - 1) * job["stride"] + 1
        start = draw.randrange(max(1, video["frames"] - span + 1))
        wanted = [(start + i * job["stride"]) % video["frames"] for i in range(job["frames"])]
        decoded = {}
        with av.open(video["path"]) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            for number, frame in enumerate(container.decode(stream)):
                if number in wanted:
                    decoded[number] = torch.from_numpy(frame.to_ndarray(format="rgb24"))
                if number >= max(wanted):
                    break
        clip = torch.stack([decoded[number] for number in wanted]).permute(0, 3, 1, 2).float()
        short = draw.randint(job["shortSides"]["min"], job["shortSides"]["max"])
        height, width = clip.shape[2:]
        scale = short / min(height, width)
        size = (round(height * scale), round(width * scale))
        clip = interpolate(clip, size, mode="bilinear", align_corners=False)
        y = draw.randrange(size[0] - job["crop"] + 1)
        x = draw.randrange(size[1] - job["crop"] + 1)
        clip = clip[:, :, y : y + job["crop"], x : x + job["crop"]]
        if draw.random() < 0.5:
            clip = clip.flip(3)
        return clip.round().byte()


job = json.load(sys.stdin)
loader = DataLoader(Clips(job), batch_size=job["batchSize"], num_workers=job["threads"])
batches = iter(loader)
next(batches)
started = time.perf_counter()
done = 0
for _ in batches:
    done += 1
print(1000 * (time.perf_counter() - started) / max(1, done))
