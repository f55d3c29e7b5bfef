"""Stage 3c: trains the text encoder and the UNet together on the latents that draw_latents.py makes.

The network computes in bf16 on one thread, its weights are kept in fp32. Resumable; the schedule
counts samples, so a busy or stopped machine costs time and nothing else.
"""

import argparse
import math
import pickle
import time
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from draw_latents import NATIVE
from grammar import say_for_training
from muon import Muon
from vocabulary import MODEL_MAX_LENGTH, write_tokenizer

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
    """Latents with their scenes, from the files that are there; takes in new ones as they come."""

    def __init__(self, folder, rng):
        self.folder, self.rng, self.kept, self.read = folder, rng, {}, set()
        self.take_in()

    def take_in(self):
        for file in sorted(set(self.folder.glob("*.pickle")) - self.read):
            self.read.add(file)
            for size, rows in pickle.loads(file.read_bytes()).items():
                self.kept.setdefault(size, []).extend(rows)

    def batch(self, count, share_of_other_sizes):
        sizes = [size for size in self.kept if size != NATIVE]
        native = self.rng.random() > share_of_other_sizes
        kept = self.kept[NATIVE if native else sizes[int(self.rng.integers(len(sizes)))]]
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
        # Scores and products written out: the fused kernel is slow backwards in bf16 on a CPU.
        self.text.set_attn_implementation("eager")
        self.unet.set_attn_processor(AttnProcessor())
        self.pictures = Pictures(options.work / "latents", np.random.default_rng(seed))
        self.shares = signal_shares()

    def parameters(self):
        return [*self.text.parameters(), *self.unet.parameters()]

    def to_half(self):
        self.text.bfloat16()
        self.unet.bfloat16().to(memory_format=torch.channels_last)

    def loss(self, count, progress):
        latents, prompts = self.pictures.batch(count, 0.03 if progress < 0.5 else 0.12)
        # Sampling pads to the full length; most of the training does with half of it.
        length = MODEL_MAX_LENGTH if progress > 0.85 or self.pictures.rng.random() < 0.2 else 40
        tokens = self.tokenizer(prompts, padding="max_length", max_length=length,
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
        noisy = noisy.contiguous(memory_format=torch.channels_last).to(states.dtype)
        result = self.unet(noisy, steps, states).sample.float()
        # Shapes cover a tenth of a picture: at first they count more than the background.
        ground = latents.flatten(2).median(2).values[..., None, None]
        on_shape = ((latents - ground).abs().sum(1, keepdim=True) > 1).float()
        emphasis = 1 + 2 * max(0.0, 1 - progress / 0.95) * on_shape
        square = (result - target).square()
        # As a weight on the error of the clean latents: min(snr + 1, 5).
        weight = torch.minimum(torch.ones(()), 5 * (1 - share.flatten()))
        plain = (square.detach().mean((1, 2, 3)) * weight).mean()
        return ((square * emphasis).mean((1, 2, 3)) * weight).mean(), float(plain)


def flat_weights(parameters):
    return torch.cat([p.detach().flatten() for p in parameters])


def spread_over(flat, tensors):
    """The reverse of flat_weights, in place."""
    offset = 0
    for tensor in tensors:
        tensor.copy_(flat[offset:offset + tensor.numel()].view(tensor.shape))
        offset += tensor.numel()


def is_hidden_matrix(name, parameter):
    """Whether the optimiser may treat it as a map between hidden layers."""
    outer = ("embedding", "conv_in", "conv_out")
    return parameter.dim() > 1 and not any(word in name for word in outer)


def clip(gradients, norm_max):
    norm = torch.stack([g.norm() for g in gradients]).norm()
    if norm > norm_max:
        for gradient in gradients:
            gradient.mul_(norm_max / norm)


def rate_at(options, step, progress):
    return options.rate * min(1, (step + 1) / 200) \
        * (0.01 + 0.99 * (0.5 + 0.5 * math.cos(math.pi * min(1.0, progress))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=240000)
    parser.add_argument("--rate", type=float, default=1.2e-3)
    parser.add_argument("--batch", type=int, default=48)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if not (options.work / "tokenizer").exists():
        write_tokenizer(options.work / "tokenizer")
    file = options.work / "unet.pt"
    saved = torch.load(file) if file.exists() else None
    step, samples, spent = (saved["step"], saved["samples"], saved["spent"]) if saved else (0, 0, 0.0)
    task = Task(options, 100 + step)
    if not saved:
        task.text.load_state_dict(torch.load(options.work / "text.pt")["model"])
    parameters = task.parameters()
    names = [name for part in (task.text, task.unet) for name, _ in part.named_parameters()]
    weights = [p.detach().clone() for p in parameters]
    optimiser = Muon(weights, [is_hidden_matrix(n, p) for n, p in zip(names, weights)])
    if saved:
        spread_over(saved["weights"], weights)
        if saved["optimiser"]:
            optimiser.load_state_dict(saved["optimiser"])
    average = saved["average"] if saved else flat_weights(weights)
    task.to_half()
    parameters = task.parameters()
    before, saved_at, shown = time.process_time(), spent, None
    while samples < options.samples:
        if step % 50 == 0:
            task.pictures.take_in()
        with torch.no_grad():
            torch._foreach_copy_(parameters, weights)
        progress = samples / options.samples
        loss, plain = task.loss(options.batch, progress)
        loss.backward()
        gradients = [p.grad.float() for p in parameters]
        for parameter in parameters:
            parameter.grad = None
        clip(gradients, 1.0)
        optimiser.step(gradients, rate_at(options, step, progress))
        samples += options.batch
        step += 1
        average.lerp_(flat_weights(weights), 1 - min(0.996, (step + 1) / (step + 10)))
        shown = plain if shown is None else shown + 0.02 * (plain - shown)
        now = time.process_time()
        spent, before = spent + now - before, now
        if step % 50 == 0:
            print(f"step {step} {spent / 60:.1f} min samples {samples} "
                  f"rate {rate_at(options, step, progress):.1e} loss {shown:.4f}", flush=True)
        if spent - saved_at > 180 or samples >= options.samples:
            saved_at = spent
            torch.save({"weights": flat_weights(weights), "average": average, "step": step,
                        "spent": spent, "samples": samples, "optimiser": optimiser.state_dict()},
                       file.with_suffix(".new"))
            file.with_suffix(".new").replace(file)


if __name__ == "__main__":
    main()
