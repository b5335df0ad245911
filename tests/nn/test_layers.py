"""What Keras must know to load a saved network of ours."""

import ast

from architecture import modules, public_names

REGISTERED = {
    node.name: module.name
    for module in modules().values()
    for node in ast.walk(module.tree)
    if isinstance(node, ast.ClassDef) and any("serializable" in ast.dump(each) for each in node.decorator_list)
}


def test_a_layer_is_known_to_keras_once_nn_is_imported() -> None:
    """Its module is one of those that ``import img2imgkit.nn`` runs: a ``.keras`` file names layers, not modules."""
    assert {"BatchNorm", "InstanceMean", "LabelMaps", "UnitLength"} <= REGISTERED.keys()
    assert {name for name, module in REGISTERED.items() if not module.startswith("img2imgkit.nn.layers.")} == set()
    assert REGISTERED.keys() <= {*public_names("img2imgkit.nn.layers")}
