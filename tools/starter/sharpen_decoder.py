"""Stage 2b: trains the decoder alone on, the encoder and so the latents staying as they are.

May run beside stage 3, which needs the latents only. Writes decoder.pt. Resumable; time-limited.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

from draw import draw
from grammar import sample_scene
from train_autoencoder import gradient_loss, make_autoencoder, to_tensor


def edge_weight(target):
    """Five times the weight within three pixels of an edge: that is where shapes differ."""
    change = torch.zeros_like(target[:, :1])
    change[..., 1:] += (target[..., 1:] - target[..., :-1]).abs().amax(1, keepdim=True)
    change[..., 1:, :] += (target[..., 1:, :] - target[..., :-1, :]).abs().amax(1, keepdim=True)
    return 1 + 4 * torch.nn.functional.max_pool2d((change > 0.1).float(), 7, 1, 3)


def sample_with_detail(rng):
    """Six scenes in ten hold something small: stars that size are what blurs first."""
    while True:
        scene = sample_scene(rng)
        if rng.random() < 0.2 or any(part.get("size") == "small" for part in scene["parts"]):
            return scene


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, default=6e-4)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settled = torch.load(options.work / "autoencoder_settled.pt")
    model = make_autoencoder()
    model.load_state_dict(settled["model"])
    model.to(memory_format=torch.channels_last)
    model.encoder.requires_grad_(False)
    model.quant_conv.requires_grad_(False)
    trained = [*model.decoder.parameters(), *model.post_quant_conv.parameters()]
    optimiser = torch.optim.AdamW(trained, lr=options.rate, betas=(0.9, 0.99), weight_decay=1e-4)
    file = options.work / "decoder.pt"
    spent, step = 0.0, 0
    average = {name: value.clone() for name, value in model.state_dict().items()}
    if file.exists():
        saved = torch.load(file)
        model.load_state_dict(saved["now"])
        optimiser.load_state_dict(saved["optimiser"])
        spent, step, average = saved["spent"], saved["step"], saved["model"]
    rng = np.random.default_rng(9000 + step)
    budget, last, saved_at, shown = options.minutes * 60, time.process_time(), spent, None
    while spent < budget:
        rate = options.rate * min(1, (step + 1) / 50) \
            * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * spent / budget)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        target = to_tensor([draw(sample_with_detail(rng), rng) for _ in range(4)])
        with torch.no_grad():
            latents = model.encode(target).latent_dist.sample()
            # Room for what a UNet makes: more noise than the encoder's own, so that the decoder learns
            # to draw what shapes look like.
            extra = 0.25 / settled["scaling_factor"] * torch.rand(4, 1, 1, 1)
            latents += extra * torch.randn_like(latents)
        result = model.decode(latents).sample
        weight = edge_weight(target)
        loss = ((result - target).abs() * weight).mean() + 0.5 * gradient_loss(result, target) \
            + ((result - target).square() * weight).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        keep = min(0.998, (step + 1) / (step + 10))
        for name, value in model.state_dict().items():
            average[name].lerp_(value, 1 - keep)
        step += 1
        value = float(loss.detach())
        shown = value if shown is None else shown + 0.02 * (value - shown)
        now = time.process_time()
        spent, last = spent + now - last, now
        if step % 100 == 0:
            print(f"step {step} {spent / 60:.1f} min rate {rate:.1e} loss {shown:.4f}", flush=True)
        if spent - saved_at > 120 or spent >= budget:
            saved_at = spent
            torch.save({"model": average, "now": model.state_dict(), "spent": spent, "step": step,
                        "optimiser": optimiser.state_dict(),
                        "scaling_factor": settled["scaling_factor"]}, file)


if __name__ == "__main__":
    main()
