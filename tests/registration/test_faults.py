from img2imgkit.catalog import Catalog
from img2imgkit.registration import Broken, Plugin

STEP = """
import img2imgkit as kit

def dim():
    return 1 / 0

class Dim(kit.Transform):
    name = 7

    def apply(self, item):
        return item

@kit.hookimpl
def register_steps(register):
    register(Dim)

@kit.hookimpl
def register_bundles(register):
    dim()
"""


def broken_of(catalog):
    assert not {"dim"} & {*catalog.steps, *catalog.bundles}
    return {each.kind: each for each in catalog.broken}


def test_the_place_is_the_class_at_fault_or_the_last_call_in_the_plugin(install, tmp_path):
    module = install("dim", STEP)
    file = tmp_path / "site-packages" / f"{module}.py"
    found = broken_of(Catalog.installed({"IMG2IMG_PLUGINS": "dim"}))
    assert found["steps"].place == f"{file}:7"
    assert found["bundles"].place == f"{file}:5"
    assert found["bundles"].sentence == f"ZeroDivisionError: division by zero ({file}:5)"
    assert "dim()" in found["bundles"].traceback


def test_a_module_without_a_file_has_no_place(module):
    def load():
        raise RuntimeError("no\nlicence")

    (found,) = Catalog((Plugin("made", load, "kit-made"),)).broken
    assert found == Broken("made", "RuntimeError: no\nlicence")
    assert found.sentence == "RuntimeError: no licence"
