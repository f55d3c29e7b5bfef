"""Stage 2: turns the trained autoencoder into the published one.

Takes the averaged weights, rotates and scales the latents so that the four channels are centred,
uncorrelated and equally strong (folded into quant_conv and post_quant_conv, so that nothing but
ordinary weights is left), and measures the scaling factor.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from train_autoencoder import draw_batch, make_autoencoder, to_tensor


def latents_of(model, pictures):
    with torch.no_grad():
        return torch.cat([model.encode(part).latent_dist.mean for part in pictures.split(32)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = make_autoencoder()
    model.load_state_dict(torch.load(options.work / "autoencoder.pt")["average"])
    pictures = to_tensor(draw_batch(np.random.default_rng(11), 512))
    with torch.no_grad():
        posterior = [model.encode(part).latent_dist for part in pictures[:128].split(32)]
        means = latents_of(model, pictures)
        flat = means.permute(1, 0, 2, 3).flatten(1)
        centre = flat.mean(1)
        values, vectors = torch.linalg.eigh(torch.cov(flat))
        strength = float(values.mean().sqrt())
        whiten = strength * torch.diag(values.rsqrt()) @ vectors.T
        colour = torch.linalg.inv(whiten)
        variance = torch.cat([p.var for p in posterior]).mean((0, 2, 3))
        variance = (whiten.square() @ variance).mean()
        quant, post = model.quant_conv, model.post_quant_conv
        quant.weight[:4] = (whiten @ quant.weight[:4, :, 0, 0])[..., None, None]
        quant.bias[:4] = whiten @ (quant.bias[:4] - centre)
        quant.weight[4:] = 0
        quant.bias[4:] = variance.log()
        post.bias += post.weight[:, :, 0, 0] @ centre
        post.weight.copy_((post.weight[:, :, 0, 0] @ colour)[..., None, None])
    settled = latents_of(model, pictures)
    factor = round(1 / float((settled.var() + variance).sqrt()), 5)
    with torch.no_grad():
        result = model.decode(settled[:64]).sample
    print("channel spread", settled.std((0, 2, 3)).tolist(), "noise", float(variance.sqrt()),
          "scaling factor", factor, "L1", float((result - pictures[:64]).abs().mean()))
    torch.save({"model": model.state_dict(), "scaling_factor": factor},
               options.work / "autoencoder_settled.pt")


if __name__ == "__main__":
    main()
