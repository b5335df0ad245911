"""Descriptions that older versions wrote, in today's form."""

from __future__ import annotations

from typing import Any

import pytest

from img2imgkit import Catalog, Config, resolve
from img2imgkit.adversary import R1, Adversary, Color, Hinge, Lsgan, Relativistic, Vanilla, Wasserstein, WganGp
from img2imgkit.bundle.manifest import Manifest, read_description
from img2imgkit.bundle.upgrade import upgraded
from img2imgkit.errors import BundleError

FORMAT_1 = {
    "loss": "lsgan",
    "relativistic": False,
    "smoothing": 0.0,
    "penalty": "none",
    "augment": [],
    "spectral": False,
}


class Options(Config):
    """Options that hold an adversary."""

    adversary: Adversary = Adversary()


def from_1(**stated: Any) -> Any:
    options = {"adversary": {**FORMAT_1, **stated}}
    return upgraded({"format": 1, "task": "any", "options": options})["options"]["adversary"]


@pytest.mark.parametrize(
    ("stated", "wanted"),
    [
        ({}, Adversary(loss=Lsgan())),
        ({"loss": "wasserstein", "penalty": "wgan_gp"}, Adversary(loss=Wasserstein(), penalty=WganGp())),
        ({"loss": "vanilla", "smoothing": 0.1}, Adversary(loss=Vanilla(smoothing=0.1))),
        ({"loss": "hinge", "spectral": True}, Adversary(loss=Hinge(), spectral=True)),
        (
            {"relativistic": True, "smoothing": 0.2, "penalty": "r1", "augment": ["color"]},
            Adversary(loss=Relativistic(loss=Lsgan(smoothing=0.2)), penalty=R1(), augment=(Color(),)),
        ),
    ],
)
def test_an_adversary_of_format_1_means_the_same(stated: dict[str, Any], wanted: Adversary) -> None:
    read = Options.model_validate_json(Options(adversary=wanted).model_dump_json())
    now = Options.model_validate({"adversary": from_1(**stated)}, strict=False)
    assert resolve(now, Catalog.installed({})) == resolve(read, Catalog.installed({})) == Options(adversary=wanted)


def test_an_adversary_is_found_wherever_it_stands() -> None:
    options = {"parts": [{"critics": {"coarse": FORMAT_1}}], "loss": "l1"}
    made = upgraded({"format": 1, "task": "any", "options": options})
    assert made["format"] == 2
    assert made["options"]["loss"] == "l1"
    assert made["options"]["parts"][0]["critics"]["coarse"]["penalty"] is None


def test_a_description_that_is_nested_too_deeply_is_damaged() -> None:
    deep = '{"more": ' * 600 + "{}" + "}" * 600
    with pytest.raises(BundleError, match=r"b\.json: nested too deeply"):
        read_description(Manifest, f'{{"format": 1, "task": "any", "options": {deep}}}', "b.json", 2, "bundle format")


def test_todays_descriptions_stay_as_they_are() -> None:
    stated = {"format": 2, "task": "any", "options": {"adversary": FORMAT_1}}
    assert upgraded(stated) == stated
