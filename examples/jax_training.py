# SPDX-License-Identifier: Apache-2.0
"""A jitted training loop of JAX on Tenstorrent (pip install jax jax-tt-plugin), to be recorded:

    ttalloc-recorder --python-stacks -o run.db -- python jax_training.py
    ttalloc-analyze peak run.db --by stack
"""
import sys

import jax
import jax.numpy as jnp


def loss(weights, inputs, targets):
    hidden = jnp.maximum(inputs @ weights["first"], 0)
    return jnp.mean((hidden @ weights["second"] - targets) ** 2)


@jax.jit
def train_step(weights, inputs, targets):
    gradients = jax.grad(loss)(weights, inputs, targets)
    return jax.tree.map(lambda weight, gradient: weight - 0.01 * gradient, weights, gradients)


def train(steps):
    weights = {name: jnp.ones((512, 512), jnp.bfloat16) for name in ("first", "second")}
    inputs = targets = jnp.ones((256, 512), jnp.bfloat16)
    for _ in range(steps):
        weights = train_step(weights, inputs, targets)
    return jax.block_until_ready(weights)


if __name__ == "__main__":
    train(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
