import json

import pytest

from img2imgkit import Transform, hookimpl
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.config import Config


def step(**fields):
    """A step whose options have these fields: type and default."""

    class Made(Transform):
        name = "mine"
        Options = type(
            "Options",
            (Config,),
            {
                "__annotations__": {name: kind for name, (kind, _) in fields.items()},
                **{name: default for name, (_, default) in fields.items() if default is not ...},
                "__module__": __name__,
            },
        )

        def apply(self, item):
            return item

    return Made


class TestOptions:
    @pytest.mark.parametrize(
        ("kind", "default", "reason"),
        [
            (type, int, "option Options.strength has the type <class 'type'>, which no file can state"),
            (int, "7", "option Options.strength: its default is not of its type: Input should be a valid integer"),
            (int, 1.5, "option Options.strength: its default is not of its type: Input should be a valid integer"),
        ],
    )
    def test_what_no_file_can_state_breaks_the_plugin(self, module, kind, default, reason):
        made = module(register_steps=hookimpl(lambda register: register(step(strength=(kind, default)))))
        catalog = Catalog((Plugin("theirs", lambda: made, "kit-theirs"),))
        assert "mine" not in catalog.steps
        (broken,) = catalog.broken
        assert broken.reason == reason

    def test_valid_defaults_are_accepted(self, module):
        fields = {"a": (int, 1), "b": (tuple[float, float], (1.0, 2.0)), "c": (str | None, None), "d": (int, ...)}
        made = module(register_steps=hookimpl(lambda register: register(step(**fields))))
        catalog = Catalog((Plugin("theirs", lambda: made, "kit-theirs"),))
        assert "mine" in catalog.steps
        assert catalog.broken == ()

    def test_a_schema_is_printed_beside_a_broken_plugin(self, img2img, install, monkeypatch):
        source = (
            "from img2imgkit import Transform, hookimpl\nfrom img2imgkit.config import Config\n"
            "class Odd(Transform):\n    name = 'odd'\n    class Options(Config):\n        strength: type = int\n"
            "    def apply(self, item):\n        return item\n"
            "@hookimpl\ndef register_steps(register):\n    register(Odd)\n"
        )
        install("odd", source)
        monkeypatch.setenv("IMG2IMG_PLUGINS", "odd")
        outcome = img2img("schema", "pipeline")
        assert outcome.code == 0
        assert "resize" in json.dumps(json.loads(outcome.out))
