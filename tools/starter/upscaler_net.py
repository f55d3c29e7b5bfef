"""SRVGGNetCompact, the network of Real-ESRGAN's small models: its published structure and key names
(basicsr's srvgg_arch.py), with PReLU."""

import torch
from torch import nn
from torch.nn import functional as F

UPSCALE, FEATURES, CONVOLUTIONS = 2, 32, 8


class CompactUpscaler(nn.Module):
    def __init__(self, upscale=UPSCALE, features=FEATURES, convolutions=CONVOLUTIONS):
        super().__init__()
        self.upscale = upscale
        layers, width = [], 3
        for _ in range(convolutions + 1):
            layers += [nn.Conv2d(width, features, 3, 1, 1), nn.PReLU(features)]
            width = features
        self.body = nn.ModuleList([*layers, nn.Conv2d(features, 3 * upscale**2, 3, 1, 1)])

    def forward(self, pictures):
        """[batch, 3, h, w] in [0, 1] -> [batch, 3, upscale h, upscale w], not clamped."""
        x = pictures.to(self.body[0].weight.dtype)
        for layer in self.body:
            x = layer(x)
        repeated = F.interpolate(pictures.float(), scale_factor=self.upscale, mode="nearest")
        return F.pixel_shuffle(x.float(), self.upscale) + repeated


def start(net):
    """Keeps the signal's size through every convolution; the output starts at the repeated input."""
    for layer in net.body:
        if isinstance(layer, nn.Conv2d):
            nn.init.orthogonal_(layer.weight, 1.3)
            nn.init.zeros_(layer.bias)
    net.body[-1].weight.data.zero_()


def psnr(first, second):
    """Decibels of pictures in [0, 255], rounded and clamped."""
    error = (first.float() - second.float()).square().mean()
    return float(10 * torch.log10(255**2 / error.clamp(min=1e-9)))
