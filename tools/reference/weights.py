"""Seeded weights that this script and tests/golden/seeded_weights.h make alike, bit for bit.

Value i of a tensor is uniform in [-1, 1): splitmix64 of FNV-1a(key) + i, top 24 bits, where the key is
"component/name". It is scaled so that activations stay near one and pictures fill their range:
norm weights 1 + u / 10, biases u / 20, embeddings u, matrices u * gain * sqrt(3 / fan_in) with gain 1.5 for
queries and keys (so that attention is not flat) and 1 for the rest.
"""

import numpy
import torch

QUERY_AND_KEY = ("to_q.weight", "to_k.weight", "q_proj.weight", "k_proj.weight")


def uniform(key: str, count: int) -> numpy.ndarray:
    state = 0xCBF29CE484222325
    for byte in key.encode():
        state = ((state ^ byte) * 0x100000001B3) % 2**64
    with numpy.errstate(over="ignore"):
        z = numpy.uint64(state) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        z = z ^ (z >> numpy.uint64(31))
    return (z >> numpy.uint64(40)).astype(numpy.float32) * numpy.float32(2**-23) - numpy.float32(1)


def seeded_tensor(component: str, name: str, shape) -> torch.Tensor:
    shape = tuple(shape)
    values = uniform(f"{component}/{name}", int(numpy.prod(shape)))
    if name.endswith(".bias"):
        values = values * numpy.float32(0.05)
    elif name.endswith("embedding.weight"):
        pass
    elif len(shape) == 1:
        values = numpy.float32(1) + values * numpy.float32(0.1)
    else:
        gain = 1.5 if name.endswith(QUERY_AND_KEY) else 1.0
        values = values * numpy.float32(gain * numpy.sqrt(3.0 / numpy.prod(shape[1:])))
    return torch.from_numpy(values.reshape(shape))


def seeded_input(name: str, shape) -> torch.Tensor:
    """Inputs of a network: uniform in [-1, 1)."""
    return torch.from_numpy(uniform(f"input/{name}", int(numpy.prod(shape))).reshape(shape))


def canonical_name(model: torch.nn.Module, name: str) -> str:
    """Newer text encoders drop the wrapper that published files have."""
    if type(model).__name__.startswith("CLIPText") and not name.startswith(("text_model.", "text_projection.")):
        return "text_model." + name
    return name


def seed_model(model: torch.nn.Module, component: str) -> torch.nn.Module:
    """Fills every parameter; returns the model in fp32 for inference."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(seeded_tensor(component, canonical_name(model, name), parameter.shape))
    return model.float().eval().requires_grad_(False)
