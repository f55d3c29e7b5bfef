"""Writes tests/data/pickles: small files as torch.save makes them, ordinary and hostile.

    python tools/reference/make_pickle_fixtures.py
"""

import collections
import io
import typing
import zipfile
from pathlib import Path

import torch

TARGET = Path(__file__).parents[2] / "tests/data/pickles"


class Foreign:
    """Stands for a class of a training framework."""

    def __init__(self):
        self.learning_rate = 0.5


class Hostile:
    def __reduce__(self):
        return print, ("code of a model file was run",)


def main():
    TARGET.mkdir(parents=True, exist_ok=True)
    base = torch.arange(24, dtype=torch.float32)
    state = collections.OrderedDict()
    state["plain"] = base.reshape(4, 6)
    state["half"] = torch.tensor([1.5, -2.0], dtype=torch.float16)
    state["brain"] = torch.tensor([[3.0]], dtype=torch.bfloat16)
    state["tail"] = base[20:]                     # shares the storage
    state["turned"] = base.reshape(4, 6).t()      # strides
    state["scalar"] = torch.tensor(7)
    state["empty"] = torch.empty(0, 3)
    state["parameter"] = torch.nn.Parameter(torch.full((2,), 0.25))
    state["repeated"] = torch.tensor([9.0]).expand(5)
    state._metadata = collections.OrderedDict(version=1)
    torch.save(state, TARGET / "state_dict.pth")
    torch.save({"epoch": 3, "global_step": 10**12, "lr": 0.1, "state_dict": state, "hyper_parameters": Foreign(),
                "callbacks": {"x": typing.OrderedDict(a=1)}, "flags": [True, None, (1, 2, 3, 4)], "text": "ü" * 300},
               TARGET / "lightning.ckpt")
    torch.save({"params": {"w": torch.zeros(1)}, "params_ema": {"w": torch.ones(2)}}, TARGET / "averaged.pth")
    torch.save({"image_proj": {"proj.weight": torch.ones(2, 2)}, "ip_adapter": {"1.to_k_ip.weight": torch.ones(3)}},
               TARGET / "two_levels.bin")
    torch.save({"weight": torch.ones(2), "extra": Hostile()}, TARGET / "hostile.pth")
    torch.save({"weight": torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)}, TARGET / "quantized.pth")
    torch.save({"w": torch.ones(3)}, TARGET / "protocol4.pth", pickle_protocol=4)
    torch.save(torch.ones(2), TARGET / "bare_tensor.pth")
    torch.save({"w": torch.ones(3)}, TARGET / "before_1_6.pth", _use_new_zipfile_serialization=False)

    compressed = io.BytesIO()
    with zipfile.ZipFile(TARGET / "state_dict.pth") as source, \
            zipfile.ZipFile(compressed, "w", zipfile.ZIP_DEFLATED) as target:
        for member in source.namelist():
            target.writestr(member, source.read(member) or b"")
    (TARGET / "compressed.pth").write_bytes(compressed.getvalue())
    with zipfile.ZipFile(TARGET / "no_pickle.zip", "w") as target:
        target.writestr("readme.txt", "no weights")
    (TARGET / "README.md").write_text("Small files as `torch.save` makes them (tools/reference/make_pickle_fixtures.py).\n")


if __name__ == "__main__":
    main()
