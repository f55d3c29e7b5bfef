"""Runs Atelier's engine beside its peers: every round runs one step of each, in turn, and the medians of
the rounds are compared, also with what the machine could do at best (matrix_peak.py). Writes one JSON document.

usage: compare.py --bin build/release/bin --part {unet|vae|upscale} --dtype fp32 [--family sd15] [--size 512]
                  [--rounds 5] [--threads N] [--out FILE]
Peers: PyTorch (diffusers, eager) and OpenVINO, at the versions of requirements.txt.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
PAUSE = 1.0  # seconds: threads of the one before may spin for work a while, and would take the cores from the next


class Peer:
    def __init__(self, name, command):
        self.name, self.times = name, []
        environment = dict(os.environ, OMP_WAIT_POLICY="passive") if name == "atelier" else None
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.said = []  # before it was ready
        while (line := self.process.stdout.readline().strip()) != "ready":
            if not line:
                raise SystemExit(f"{name} did not start: {' '.join(map(str, command))}")
            self.said.append(line)

    def step(self):
        time.sleep(PAUSE)
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def peak_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", type=pathlib.Path, required=True)
    parser.add_argument("--part", choices=["unet", "vae", "upscale"], required=True)
    parser.add_argument("--dtype", choices=["fp32", "bf16"], required=True)
    parser.add_argument("--family", choices=["sd15", "sdxl"], default="sd15")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--peers", default="pytorch,openvino")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()

    shape = [args.part, args.dtype, args.family, str(args.size), str(args.threads)]
    peers = [Peer("atelier", [args.bin / "atelier-bench-step", *shape])]
    peers += [Peer(name, [sys.executable, HERE / "step_server.py", name, *shape])
              for name in args.peers.split(",") if name]
    peak = Peer("peak", [sys.executable, HERE / "matrix_peak.py", *shape])
    operations = int(peak.said[-1])
    for round_number in range(-1, args.rounds):  # round -1 warms up
        for peer in peers:
            taken = peer.step()
            print(f"{peer.name:10} {taken:8.3f} s{'  (warm-up)' if round_number < 0 else ''}", file=sys.stderr)
            if round_number >= 0:
                peer.times.append(taken)
        peak.times.append(peak.step())

    peak_rate = 2 * 2048**3 / min(peak.times)
    medians = {peer.name: statistics.median(peer.times) for peer in peers}
    report = {
        "part": args.part, "family": args.family, "size": args.size, "dtype": args.dtype,
        "threads": args.threads, "cpu": cpu_name(),
        "method": f"{args.rounds} interleaved rounds after one warm-up, all peers loaded, medians of seconds per step",
        "versions": {name: importlib.metadata.version(name) for name in ("torch", "diffusers", "openvino")},
        "seconds": {peer.name: peer.times for peer in peers},
        "median_seconds": medians,
        "operations": operations,
        "matrix_peak_gflops": peak_rate / 1e9,
        "share_of_matrix_peak": {name: operations / value / peak_rate for name, value in medians.items()},
        "peak_mb": {peer.name: peer.peak_mb() for peer in peers},
        "times_faster_than": {name: value / medians["atelier"] for name, value in medians.items() if name != "atelier"},
    }
    text = json.dumps(report, indent=2)
    print(text)
    if args.out:
        args.out.write_text(text + "\n")


main()
