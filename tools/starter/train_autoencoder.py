"""Stage 1: trains diffusers' AutoencoderKL on pictures drawn on the fly. Resumable; time-limited."""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from draw import draw
from grammar import sample_scene

CHANNELS = (16, 32, 48, 64)
# Few, wide groups: a flat picture is one constant per channel, and a group of two channels would
# normalise it to plus and minus one and so lose the colour.
NORM_GROUPS = 2


def make_autoencoder():
    model = AutoencoderKL(
        block_out_channels=CHANNELS, down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4, layers_per_block=1, norm_num_groups=NORM_GROUPS,
        latent_channels=4, sample_size=128)
    return model


def balance_start(model, pictures):
    """Initialises so that every convolution on the main path gives outputs of spread one.

    PyTorch's default shrinks the signal about 1.7-fold per convolution; what the latents say then
    drowns in biases, and learning to paint flat colours takes ten times as many steps (measured).
    """
    stream = {}
    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            if module.weight.shape[0] <= module.weight[0].numel():
                torch.nn.init.orthogonal_(module.weight)
            else:
                torch.nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
            torch.nn.init.zeros_(module.bias)
            if name.endswith(("conv2", "to_out.0")):  # branches start small
                module.weight.data.mul_(0.3)
            elif isinstance(module, torch.nn.Conv2d):
                stream[name] = module
    spread = {}
    with torch.no_grad():
        for name, module in stream.items():
            hook = module.register_forward_hook(
                lambda _module, _inputs, output: spread.update(
                    now=output[:, :4 if name == "quant_conv" else None].std((0, 2, 3)).mean()))
            model.decode(model.encode(pictures).latent_dist.mode())
            hook.remove()
            aim = 0.5 if name == "decoder.conv_out" else 1.0
            module.weight.mul_(aim / spread["now"].clamp_min(1e-3))
        # Little noise on the latents at first: learning to see comes first, smoothness later.
        model.quant_conv.bias[4:] = -5
        model.quant_conv.weight[4:] *= 0.1


def to_tensor(pictures):
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def draw_batch(rng, count):
    return [draw(sample_scene(rng), rng) for _ in range(count)]


def crop_near_something(rng, picture, size):
    """A crop that holds an edge when the picture has one: the best of three tries."""
    best, best_spread = None, -1.0
    for _ in range(3):
        top, left = rng.integers(0, (picture.shape[0] - size) // 8 + 1, 2) * 8
        crop = picture[top:top + size, left:left + size]
        spread = float(crop[::4, ::4].std(axis=(0, 1)).sum())
        if spread > best_spread:
            best, best_spread = crop, spread
    return best


def gradient_loss(result, target):
    difference = result - target
    return ((difference[..., 1:] - difference[..., :-1]).abs().mean()
            + (difference[..., 1:, :] - difference[..., :-1, :]).abs().mean())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=25)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    options.work.mkdir(parents=True, exist_ok=True)
    model = make_autoencoder()
    start_rng = np.random.default_rng(7)
    balance_start(model, to_tensor([crop_near_something(start_rng, picture, 32)
                                    for picture in draw_batch(start_rng, 64)]))
    optimiser = torch.optim.AdamW(model.parameters(), lr=options.rate, betas=(0.9, 0.99),
                                  weight_decay=1e-4)
    file = options.work / "autoencoder.pt"
    spent, step = 0.0, 0
    if file.exists():
        saved = torch.load(file)
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        spent, step = saved["spent"], saved["step"]
    average = {k: v.clone() for k, v in model.state_dict().items()}
    if file.exists():
        average = saved["average"]
    rng = np.random.default_rng(1000 + step)
    # The budget is the process's own processor time, so many minutes of each thread: a machine that
    # does other work, or stops the training for a while, takes nothing away.
    budget, last = options.minutes * 60 * options.threads, time.process_time()
    loss_shown, saved_at = 0.0, spent
    while spent < budget:
        done = spent / budget
        rate = options.rate * min(1, (step + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * done) + 0.01)
        for group in optimiser.param_groups:
            group["lr"] = rate
        # Small crops first: many cheap steps to learn colours and edges, whole pictures at the end.
        size, count = (32, 24) if done < 0.35 else (64, 12) if done < 0.75 else (128, 4)
        if step % 10 == 0:
            size, count = 128, 4
        pictures = draw_batch(rng, max(count // 3, 4))
        if size < 128:
            pictures = [crop_near_something(rng, pictures[i % len(pictures)], size)
                        for i in range(count)]
        target = to_tensor(pictures)
        posterior = model.encode(target).latent_dist
        result = model.decode(posterior.sample()).sample
        # KL small enough to keep edges, large enough to keep latents smooth; mean per latent value.
        loss = ((result - target).abs().mean() + 0.5 * (result - target).square().mean()
                + 0.5 * gradient_loss(result, target)
                + 1e-5 * (0.5 * (posterior.mean**2 + posterior.var - 1 - posterior.logvar)).mean())
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        keep = min(0.998, (step + 1) / (step + 10))
        for name, value in model.state_dict().items():
            average[name].lerp_(value, 1 - keep)
        step += 1
        shown = float(loss.detach())
        loss_shown += 0.02 * (shown - loss_shown) if step > 1 else shown
        now = time.process_time()
        spent, last = spent + now - last, now
        if step % 100 == 0:
            print(f"step {step} {spent / 60:.1f} min rate {rate:.1e} loss {loss_shown:.4f} "
                  f"latent std {float(posterior.mean.detach().std()):.3f}", flush=True)
        if spent - saved_at > 120 or spent >= budget:
            saved_at = spent
            torch.save({"model": model.state_dict(), "average": average, "spent": spent,
                        "step": step, "optimiser": optimiser.state_dict()}, file)


if __name__ == "__main__":
    main()
