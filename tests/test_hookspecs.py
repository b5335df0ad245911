import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from img2imgkit import hookspecs, plugin_kinds

HOOKS = [f for name, f in inspect.getmembers(hookspecs, inspect.isfunction) if name.startswith("register_")]
DOCS = Path(__file__).parents[1] / "docs"


def test_there_is_one_hook_for_each_kind_of_thing():
    assert {hook.__name__ for hook in HOOKS} == set(plugin_kinds.HOOKS)
    assert len(HOOKS) >= 5


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_every_hook_is_documented(hook):
    assert (hook.__doc__ or "").startswith("Call ``register(")
    assert list(inspect.signature(hook).parameters) == ["register"]
    assert f"\n## {hook.__name__}\n" in (DOCS / "reference" / "hooks.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_every_hook_is_tested(hook):
    """The catalog's tests collect each kind through a fake plugin."""
    kind = plugin_kinds.HOOKS[hook.__name__]
    text = (Path(__file__).parent / "test_catalog.py").read_text(encoding="utf-8")
    assert f'kind="{kind}"' in text or f'("{kind}", ' in text or kind == "steps"


def test_what_computes_without_keras_works_where_it_cannot_be_imported():
    code = """
import sys
sys.modules["keras"] = sys.modules["tensorflow"] = None
import numpy as np
from img2imgkit import Catalog
from img2imgkit.plugin_kinds import KINDS
from img2imgkit.testing import check_degradation, check_metric
assert not any(KINDS[kind].needs_keras for kind in ("degradations", "metrics", "steps", "data_kinds", "importers"))
catalog = Catalog.installed({"IMG2IMG_PLUGINS": ""})
for degradation in catalog.degradations.values():
    check_degradation(degradation())
for metric in catalog.metrics.values():
    check_metric(metric)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_needs_keras_says_so():
    needing = {kind for kind, row in plugin_kinds.KINDS.items() if row.needs_keras}
    components = {"architectures", "losses", "adversarial_losses", "penalties", "augmentations"}
    assert needing == {"tasks", "exporters", *components}
