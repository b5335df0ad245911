"""Options of a translation: impossible combinations are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from img2imgkit.config import parse_yaml, validate
from img2imgkit.errors import ConfigError
from img2imgkit.inference import TranslateOptions
from img2imgkit.steps.translate import Translate

MESSAGE = "overlap 40 is more than half of tile 64: use a larger tile"


def test_tiles_overlap_by_half_of_their_size_at_most() -> None:
    assert TranslateOptions(tile=64, overlap=32).overlap == 32
    with pytest.raises(ValidationError, match=MESSAGE):
        TranslateOptions(tile=64, overlap=40)


@pytest.mark.parametrize("stated", [{"tile": 64}, {"overlap": 40}, {"tile": "off", "overlap": 40}])
def test_any_overlap_goes_with_a_tile_that_is_not_stated(stated: dict[str, object]) -> None:
    assert TranslateOptions.model_validate(stated).model_dump(exclude_defaults=True) == stated


def test_a_pipelines_step_reports_the_place() -> None:
    document = parse_yaml("bundle: x\ntile: 64\noverlap: 40\n", "p.yaml")
    with pytest.raises(ConfigError, match=f"^p.yaml:1:1: {MESSAGE}"):
        validate(Translate.Options, document)
