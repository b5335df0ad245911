import inspect
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
