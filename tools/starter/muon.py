"""An optimiser for small networks: matrices (convolutions too) step along their orthogonalised momentum
(Muon; Jordan et al. 2024), all else by AdamW. Weights are kept in fp32 beside a bf16 network.
"""

import collections

import torch


def orthogonalise(matrices):
    """Newton-Schulz on [count, rows, columns >= rows]: singular values of about one, same vectors."""
    a, b, c = 3.4445, -4.7750, 2.0315
    wide = matrices.bfloat16()
    wide = wide / (wide.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = wide @ wide.mT
        wide = torch.baddbmm(wide, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), wide, beta=a)
    return wide.float()


class Muon:
    """step(gradients, rate) changes the fp32 `weights` in place; `matrix` says which are matrices."""

    def __init__(self, weights, matrix, momentum=0.95, decay=0.01):
        self.weights, self.matrix, self.momentum, self.decay = weights, matrix, momentum, decay
        self.first = [torch.zeros_like(w) for w in weights]
        self.second = [torch.zeros_like(w) if not is_matrix else torch.zeros(())
                       for w, is_matrix in zip(weights, matrix)]
        self.steps = 0

    def state_dict(self):
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def load_state_dict(self, state):
        self.first, self.second, self.steps = state["first"], state["second"], state["steps"]

    def _apply(self, weight, update, rate):
        weight.mul_(1 - rate * self.decay).sub_(update, alpha=rate)

    @torch.no_grad()
    def step(self, gradients, rate):
        self.steps += 1
        alike = collections.defaultdict(list)  # shape: [(weight, momentum, whether turned)]
        for weight, gradient, is_matrix, first, second in zip(
                self.weights, gradients, self.matrix, self.first, self.second):
            if is_matrix:
                first.lerp_(gradient, 1 - self.momentum)
                ahead = gradient.lerp(first, self.momentum).flatten(1)
                turned = ahead.shape[0] > ahead.shape[1]
                ahead = ahead.T if turned else ahead
                alike[tuple(ahead.shape)].append((weight, ahead, turned))
                continue
            first.lerp_(gradient, 0.1)
            second.lerp_(gradient.square(), 0.01)
            self._apply(weight, (first / (1 - 0.9**self.steps))
                        / ((second / (1 - 0.99**self.steps)).sqrt() + 1e-8), rate)
        for shape, group in alike.items():
            # Steps of the size that Adam's have, so that one rate serves both.
            updates = orthogonalise(torch.stack([ahead for _, ahead, _ in group])) \
                * (0.2 * shape[1] ** 0.5)
            for (weight, _, turned), update in zip(group, updates):
                self._apply(weight, (update.T if turned else update).reshape(weight.shape), rate)
