"""Writes tests/golden/data/models/<name>.{json,f32}: what a network of the reference makes of seeded weights and inputs.

The .json holds versions, component, configuration, every tensor's name and shape, and the cases; the outputs
are little-endian fp32, one after the other, in the .f32 beside it. Inputs are generated from their names on both sides.
"""

import json
import pathlib
import sys

import torch

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/data/models"


class GoldenFile:
    def __init__(self, name, component, config, tensors, versions):
        """tensors: {name: shape}."""
        self.name, self.outputs = name, []
        self.json = dict(versions=versions, component=component, config=config,
                         tensors={key: list(shape) for key, shape in tensors.items()}, cases=[])

    def add(self, outputs, **case):
        """outputs: {name: tensor}; everything else describes the inputs."""
        listed = []
        for name, tensor in outputs.items():
            assert tensor.dtype == torch.float32 and tensor.isfinite().all(), name
            listed.append({"name": name, "shape": list(tensor.shape)})
            self.outputs.append(tensor.contiguous())
        self.json["cases"].append(dict(case, outputs=listed))

    def write(self):
        data = b"".join(tensor.numpy().astype("<f4").tobytes() for tensor in self.outputs)
        OUT.mkdir(parents=True, exist_ok=True)
        (OUT / f"{self.name}.f32").write_bytes(data)
        (OUT / f"{self.name}.json").write_text(json.dumps(self.json, separators=(",", ":")) + "\n")
        spread = max(float(tensor.abs().max()) for tensor in self.outputs)
        print(f"{self.name}: {len(data)} bytes, largest {spread:.3f}", file=sys.stderr)
