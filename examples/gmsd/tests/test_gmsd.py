"""The metric keeps its contract, and its values are those of the definition."""

import numpy as np
import pytest
from img2img_gmsd import Gmsd

from img2imgkit.testing import check_metric


def test_the_contract():
    check_metric(Gmsd)


def test_an_edge_that_is_lost():
    """In a picture halved to 8 x 8, two of six columns of gradients see an edge of 90 levels."""
    reference = np.zeros((16, 16, 1))
    reference[:, 8:] = 90.0
    lost = 170.0 / (90.0**2 + 170.0)
    expected = np.std([1, 1, lost, lost, 1, 1])
    assert Gmsd().measure(reference, np.zeros((16, 16, 1))) == pytest.approx(expected)
