"""The exact GELU."""

import math

import numpy as np

from img2imgkit import backend

backend.load()

from img2imgkit.nn.layers import Gelu  # noqa: E402


def test_gelu_is_exact() -> None:
    x = np.linspace(-5, 5, 41, dtype=np.float32)
    wanted = [each * 0.5 * (1 + math.erf(each / math.sqrt(2))) for each in x]
    np.testing.assert_allclose(Gelu()(x), wanted, atol=1e-6)
