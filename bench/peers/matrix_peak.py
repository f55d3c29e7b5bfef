"""What the machine could do at best: answers each line on stdin with the seconds of one product of two
2,048 x 2,048 matrices (oneDNN through PyTorch), the shortest of eight. The first line it prints, before
"ready", is the work of one step of the network in floating point operations, counted on shapes alone.

usage: matrix_peak.py {unet|vae|upscale} {fp32|bf16} {sd15|sdxl} SIZE THREADS
"""

import sys
import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from step_server import PARTS

SIDE = 2048


def operations_of_a_step(part, family, size):
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.inference_mode():
        module = PARTS[part](family, size).eval()
        module(*module.inputs(torch.float32))
    return counter.get_total_flops()


def main():
    part, dtype, family, size, threads = sys.argv[1:6]
    torch.set_num_threads(int(threads))
    print(operations_of_a_step(part, family, int(size)))
    left, right = torch.randn(2, SIDE, SIDE).to({"fp32": torch.float32, "bf16": torch.bfloat16}[dtype])
    print("ready", flush=True)
    for _ in sys.stdin:
        best = float("inf")
        for _ in range(8):
            start = time.perf_counter()
            left @ right
            best = min(best, time.perf_counter() - start)
        print(best, flush=True)


main()
