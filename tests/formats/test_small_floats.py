"""Types that numpy lacks, compared with those of the library ml_dtypes, code by code."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from img2imgkit.formats.small_floats import FLOAT8, WIDTHS, widened


@pytest.mark.parametrize("kind", WIDTHS)
def test_every_code_has_the_value_of_its_type(kind: str) -> None:
    codes = np.arange(1 << 8 * WIDTHS[kind]).astype(f"u{WIDTHS[kind]}")
    found, wanted = widened(codes, kind), codes.view(getattr(ml_dtypes, kind)).astype("f4")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, wanted)  # NaN equals NaN
    assert (np.signbit(found) == np.signbit(wanted))[~np.isnan(wanted)].all()


@pytest.mark.parametrize("kind", FLOAT8)
def test_the_shape_stays(kind: str) -> None:
    assert widened(np.zeros((2, 3), "u1"), kind).shape == (2, 3)
