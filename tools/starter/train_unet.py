"""Stage 3: trains the text encoder and the UNet together on latents of freshly drawn pictures.

One process trains; with --assistant a second one at low priority computes further gradients on
whatever processor time is free (its gradients may be one step old). Resumable; time-limited.
"""

import argparse
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from draw import draw
from grammar import sample_scene, say_for_training
from train_autoencoder import make_autoencoder, to_tensor
from vocabulary import MODEL_MAX_LENGTH, write_tokenizer

# Sizes of other aspect ratios that are trained beside the native one (width, height).
OTHER_SIZES = ((144, 112), (112, 144), (168, 96), (96, 168), (160, 128), (128, 160), (128, 96),
               (96, 128), (200, 80), (80, 200))
TEXT_WIDTH = 96


def make_unet():
    return UNet2DConditionModel(
        sample_size=16, in_channels=4, out_channels=4, block_out_channels=(48, 72, 96),
        layers_per_block=1, cross_attention_dim=TEXT_WIDTH, attention_head_dim=2,
        norm_num_groups=8,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"))


def make_text_encoder(tokenizer):
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=TEXT_WIDTH, intermediate_size=256,
        num_hidden_layers=3, num_attention_heads=4, max_position_embeddings=MODEL_MAX_LENGTH,
        hidden_act="quick_gelu", projection_dim=TEXT_WIDTH, bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id))


def start_unet(unet):
    """Keeps the signal's size through every convolution; branches and the output start at zero."""
    for name, module in unet.named_modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.orthogonal_(module.weight)
            torch.nn.init.zeros_(module.bias)
            if module.kernel_size == (3, 3) and not name.endswith("conv1"):
                module.weight.data.mul_(0.7)
            if name.endswith("conv1"):
                module.weight.data.mul_(1.4)
            if name.endswith(("conv2", "proj_out")):
                module.weight.data.mul_(0.1)
    torch.nn.init.zeros_(unet.conv_out.weight)


def signal_shares():
    """alphas_cumprod of SD1.5's schedule."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


class Pictures:
    """Latents of drawn pictures with their scenes; grows while training goes on."""

    def __init__(self, autoencoder, factor, rng, capacity=60000):
        self.autoencoder, self.factor, self.rng, self.capacity = autoencoder, factor, rng, capacity
        self.kept = {}

    def _draw(self, size, count):
        scenes = [sample_scene(self.rng, *size) for _ in range(count)]
        pictures = to_tensor([draw(scene, self.rng) for scene in scenes])
        with torch.no_grad():
            latents = self.autoencoder.encode(
                pictures.contiguous(memory_format=torch.channels_last)).latent_dist.sample()
        kept = self.kept.setdefault(size, [])
        for scene, latent in zip(scenes, latents):
            row = ((latent * self.factor).half().numpy(), scene)
            if len(kept) < self.capacity:
                kept.append(row)
            else:
                kept[int(self.rng.integers(self.capacity))] = row

    def batch(self, count):
        native = self.rng.random() > 0.12
        size = (128, 128) if native else OTHER_SIZES[int(self.rng.integers(len(OTHER_SIZES)))]
        seen = len(self.kept.get(size, ()))
        # Fresh pictures cost a third of a training sample: draw many early, an eighth later.
        self._draw(size, count // 2 if seen < 8 * count else count // 8)
        kept = self.kept[size]
        rows = [kept[int(i)] for i in self.rng.integers(len(kept), size=count)]
        prompts = ["" if self.rng.random() < 0.1 else say_for_training(scene, self.rng)
                   for _, scene in rows]
        return torch.from_numpy(np.stack([latent for latent, _ in rows])).float(), prompts


class Task:
    """One gradient: latents and prompts in, mean loss out."""

    def __init__(self, options, seed):
        torch.manual_seed(seed)
        self.tokenizer = CLIPTokenizer.from_pretrained(options.work / "tokenizer")
        self.text = make_text_encoder(self.tokenizer)
        self.unet = make_unet()
        start_unet(self.unet)
        self.unet.to(memory_format=torch.channels_last)
        settled = torch.load(options.work / "autoencoder_settled.pt")
        autoencoder = make_autoencoder()
        autoencoder.load_state_dict(settled["model"])
        autoencoder.to(memory_format=torch.channels_last).requires_grad_(False)
        self.pictures = Pictures(autoencoder, settled["scaling_factor"],
                                 np.random.default_rng(seed))
        self.shares = signal_shares()

    def parameters(self):
        return [*self.text.parameters(), *self.unet.parameters()]

    def loss(self, count, progress):
        latents, prompts = self.pictures.batch(count)
        tokens = self.tokenizer(prompts, padding="max_length", max_length=MODEL_MAX_LENGTH,
                                truncation=True, return_tensors="pt")["input_ids"]
        states = self.text(input_ids=tokens).last_hidden_state
        # Stratified times: each batch covers the whole range, the noisy end a little denser,
        # since that is where prompts decide.
        even = (torch.randperm(count) + torch.rand(count)) / count
        steps = (1000 * even**0.75).long().clamp(0, 999)
        share = self.shares[steps][:, None, None, None]
        noise = torch.randn_like(latents)
        # The schedule leaves 7 % of the signal at its end, but sampling starts from pure noise:
        # in half of the noisiest samples the signal is left out.
        hidden = ((steps >= 900) & (torch.rand(count) < 0.5))[:, None, None, None]
        noisy = torch.where(hidden, torch.zeros(()), share.sqrt()) * latents \
            + (1 - share).sqrt() * noise
        target = share.sqrt() * noise - (1 - share).sqrt() * latents
        result = self.unet(noisy.contiguous(memory_format=torch.channels_last), steps, states).sample
        # Shapes cover a tenth of a picture: at first they count more than the background.
        ground = latents.flatten(2).median(2).values[..., None, None]
        on_shape = ((latents - ground).abs().sum(1, keepdim=True) > 1).float()
        emphasis = 1 + 2 * max(0.0, 1 - progress / 0.95) * on_shape
        error = ((result - target).square() * emphasis).mean((1, 2, 3))
        # As a weight on the error of the clean latents: min(snr + 1, 5).
        weight = torch.minimum(torch.ones(()), 5 * (1 - share.flatten()))
        return (error * weight).mean()


def flat_weights(parameters):
    return torch.cat([p.detach().flatten() for p in parameters])


def flat_gradient(parameters):
    return torch.cat([p.grad.flatten() for p in parameters])


def spread_over(flat, tensors):
    """The reverse of flat_weights, in place."""
    offset = 0
    for tensor in tensors:
        tensor.copy_(flat[offset:offset + tensor.numel()].view(tensor.shape))
        offset += tensor.numel()


def assist(options, seed, shared, gradient, count, progress):
    """Runs in the assistant while its parent lives; count[0] is how many samples wait."""
    os.setsid()  # a scheduling group of its own, where the kernel has such
    os.nice(options.assistant_nice)
    torch.set_num_threads(1)
    task = Task(options, seed)
    parameters = task.parameters()
    parent = os.getppid()
    while os.getppid() == parent:
        spread_over(shared.clone(), [p.data for p in parameters])
        total, samples = torch.zeros_like(gradient), 0
        while samples == 0 or int(count[0]) != 0:
            for parameter in parameters:
                parameter.grad = None
            task.loss(options.batch, float(progress[0])).backward()
            total += flat_gradient(parameters) * options.batch
            samples += options.batch
            if samples >= 3 * options.batch:  # older gradients than that are of no use
                break
        if int(count[0]) == 0:
            gradient.copy_(total)
            count[0] = samples


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--new-text", action="store_true", help="take text.pt although resuming")
    parser.add_argument("--assistant", action="store_true")
    parser.add_argument("--assistant-nice", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not (options.work / "tokenizer").exists():
        write_tokenizer(options.work / "tokenizer")
    file = options.work / "unet.pt"
    saved = torch.load(file) if file.exists() else None
    step, spent, samples = (saved["step"], saved["spent"], saved["samples"]) if saved else (0, 0.0, 0)
    task = Task(options, 100 + step)
    parameters = task.parameters()
    optimiser = torch.optim.AdamW(parameters, lr=options.rate, betas=(0.9, 0.99), weight_decay=0.01)
    average = flat_weights(parameters)
    if saved:
        spread_over(saved["weights"], [p.data for p in parameters])
        optimiser.load_state_dict(saved["optimiser"])
        average = saved["average"]
    if not saved or options.new_text:
        task.text.load_state_dict(torch.load(options.work / "text.pt")["model"])
        text_parameters = list(task.text.parameters())
        average[:sum(p.numel() for p in text_parameters)] = flat_weights(text_parameters)
        for parameter in text_parameters:
            optimiser.state.pop(parameter, None)
    shared = flat_weights(parameters).share_memory_()
    gradient = torch.zeros_like(shared).share_memory_()
    waiting = torch.zeros(1, dtype=torch.int64).share_memory_()
    progress = torch.full((1,), spent / (options.minutes * 60)).share_memory_()
    if options.assistant:
        torch.multiprocessing.get_context("spawn").Process(
            target=assist, args=(options, 5000 + step, shared, gradient, waiting, progress),
            daemon=True).start()
    budget, last, saved_at, shown = options.minutes * 60, time.time(), spent, None
    while spent < budget:
        rate = options.rate * min(1, (step + 1) / 200) \
            * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * spent / budget)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        progress[0] = spent / budget
        loss = task.loss(options.batch, spent / budget)
        loss.backward()
        samples += options.batch
        if int(waiting[0]) > 0:
            helped = int(waiting[0])
            mixed = (flat_gradient(parameters) * options.batch + gradient) / (options.batch + helped)
            waiting[0] = 0
            samples += helped
            spread_over(mixed, [p.grad for p in parameters])
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        weights = flat_weights(parameters)
        shared.copy_(weights)
        average.lerp_(weights, 1 - min(0.996, (step + 1) / (step + 10)))
        value = float(loss.detach())
        shown = value if shown is None else shown + 0.02 * (value - shown)
        now = time.time()
        spent, last = spent + now - last, now
        if step % 50 == 0:
            print(f"step {step} {spent / 60:.1f} min samples {samples} rate {rate:.1e} "
                  f"loss {shown:.4f}", flush=True)
        if spent - saved_at > 180 or spent >= budget:
            saved_at = spent
            torch.save({"weights": weights, "average": average, "step": step, "spent": spent,
                        "samples": samples, "optimiser": optimiser.state_dict()},
                       file.with_suffix(".new"))
            file.with_suffix(".new").replace(file)


if __name__ == "__main__":
    main()
