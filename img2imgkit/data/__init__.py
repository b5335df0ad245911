"""Training data: the built-in data kinds, and functions to build readers of other kinds.

A sample is a function of (seed, position) alone. ``img2imgkit.data_kind`` defines the contract.
"""

from __future__ import annotations

from collections.abc import Callable

from img2imgkit.data.cache import PictureCache
from img2imgkit.data.folders import PictureFolder, examine, findings_in, overlapping, scan
from img2imgkit.data.framing import FramedOptions, Framing, scale_problems, side_problem
from img2imgkit.data.inspection import Inspection, inspect_data, open_reader, unread_notes
from img2imgkit.data.kinds.degraded import Degraded, DegradedOptions, DegradedReader
from img2imgkit.data.kinds.few_shot import FewShot, FewShotOptions, FewShotReader
from img2imgkit.data.kinds.labelled import Labelled, LabelledOptions, LabelledReader
from img2imgkit.data.kinds.paired import Paired, PairedOptions, PairedReader
from img2imgkit.data.kinds.semantic import Semantic, SemanticOptions, SemanticReader
from img2imgkit.data.kinds.unpaired import Unpaired, UnpairedOptions, UnpairedReader
from img2imgkit.data.matching import MatchedOptions, NameRule, match_by_name
from img2imgkit.data.order import Order, generator_at
from img2imgkit.data.picture_files import left_out, read_levels, read_source
from img2imgkit.data.prefetch import Prefetch
from img2imgkit.data.probe_folder import by_role, probe_batches
from img2imgkit.data_kind import DataKind, Findings
from img2imgkit.hooks import hookimpl

__all__ = [
    "Degraded",
    "DegradedOptions",
    "DegradedReader",
    "FewShot",
    "FewShotOptions",
    "FewShotReader",
    "Findings",
    "FramedOptions",
    "Framing",
    "Inspection",
    "Labelled",
    "LabelledOptions",
    "LabelledReader",
    "MatchedOptions",
    "NameRule",
    "Order",
    "Paired",
    "PairedOptions",
    "PairedReader",
    "PictureCache",
    "PictureFolder",
    "Prefetch",
    "Semantic",
    "SemanticOptions",
    "SemanticReader",
    "Unpaired",
    "UnpairedOptions",
    "UnpairedReader",
    "by_role",
    "examine",
    "findings_in",
    "generator_at",
    "inspect_data",
    "left_out",
    "match_by_name",
    "open_reader",
    "overlapping",
    "probe_batches",
    "read_levels",
    "read_source",
    "register_data_kinds",
    "scale_problems",
    "scan",
    "side_problem",
    "unread_notes",
]


@hookimpl
def register_data_kinds(register: Callable[[type[DataKind]], None]) -> None:
    """Register the built-in data kinds."""
    for kind in (Paired, Unpaired, Labelled, Semantic, FewShot, Degraded):
        register(kind)
