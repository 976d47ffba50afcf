"""A network of three dense layers in numpy: COUNT steps of training or inference."""

import itertools
import sys

import numpy as np

kind, batch, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = np.random.default_rng(1)
sizes = (784, 1024, 1024, 10)
weights = [
    rng.standard_normal((a, b), dtype=np.float32) * 0.03 for a, b in itertools.pairwise(sizes)
]
inputs = rng.standard_normal((batch, sizes[0]), dtype=np.float32)
targets = rng.standard_normal((batch, sizes[-1]), dtype=np.float32)
for _ in range(count):
    layers = [inputs]
    for w in weights:
        layers.append(np.maximum(layers[-1] @ w, 0.0))
    if kind == "training":
        error = layers[-1] - targets
        for i in reversed(range(len(weights))):
            gradient = layers[i].T @ error
            error = (error @ weights[i].T) * (layers[i] > 0)
            weights[i] -= 1e-4 / batch * gradient
