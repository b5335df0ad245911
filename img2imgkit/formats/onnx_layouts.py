"""Remove transposes from ONNX graphs by moving them behind what can be computed in either layout."""

from __future__ import annotations

from typing import Any

from img2imgkit.formats.onnx_graph import Graph, attributes_of

POINTWISE = frozenset(("Add", "Sub", "Mul", "Div", "Max", "Min", "Relu", "LeakyRelu", "Tanh", "Sigmoid"))


def split_before_transpose(graph: Graph, node: Any) -> bool:
    """Split a tensor before it is transposed, so that each part's transpose can be moved on."""
    if node.op_type != "Split":
        return False
    turned = graph.maker(node.input[0], "Transpose")
    if turned is None:
        return False
    attributes = attributes_of(node)
    order = list(attributes_of(turned)["perm"])
    parts = [f"{name}/part" for name in node.output]
    axis = order[attributes.get("axis", 0)]
    split = ("Split", [turned.input[0], *node.input[1:]], parts, {**attributes, "axis": axis})
    outputs = zip(parts, node.output, strict=True)
    graph.expand(node, split, *(("Transpose", [part], [name], {"perm": order}) for part, name in outputs))
    return True


def without_double_transpose(graph: Graph, node: Any) -> bool:
    """Two transposes in a row are one, or none."""
    before = graph.maker(node.input[0], "Transpose") if node.op_type == "Transpose" else None
    if before is None:
        return False
    first, second = (list(attributes_of(each)["perm"]) for each in (before, node))
    order = [first[each] for each in second]
    if order != sorted(order):
        graph.replace(node, "Transpose", [before.input[0]], node.output[0], perm=order)
        return True
    if node.output[0] in graph.outputs:
        return False
    graph.rename(node.output[0], before.input[0])
    return True


def pointwise_before_transpose(graph: Graph, node: Any) -> bool:
    """Combine tensors before they are transposed, if all are transposed alike."""
    if node.op_type not in POINTWISE:
        return False
    turned = [graph.maker(name, "Transpose") for name in node.input]
    known = [each for each in turned if each is not None]
    orders = {tuple(attributes_of(each)["perm"]) for each in known}
    if len(known) != len(turned) or len(orders) != 1:
        return False
    [order] = orders
    made = f"{node.output[0]}/before"
    graph.expand(
        node,
        (node.op_type, [each.input[0] for each in known], [made], attributes_of(node)),
        ("Transpose", [made], [node.output[0]], {"perm": order}),
    )
    return True
