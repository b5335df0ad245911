"""Exchanging models with other software: the contracts of importers and exporters, and the data that they pass."""

from img2imgkit.exchange.incoming import (
    HEAD_BYTES,
    FromFile,
    Importable,
    ImportedNetwork,
    Importer,
    ImportPlan,
    SavedWeights,
    StateDict,
    Statistics,
    by_role,
)
from img2imgkit.exchange.outgoing import (
    ENCODER,
    NETWORK,
    Arrays,
    DType,
    Exporter,
    Form,
    Port,
    Precision,
    Program,
    argument,
)

__all__ = [
    "ENCODER",
    "HEAD_BYTES",
    "NETWORK",
    "Arrays",
    "DType",
    "Exporter",
    "Form",
    "FromFile",
    "ImportPlan",
    "Importable",
    "ImportedNetwork",
    "Importer",
    "Port",
    "Precision",
    "Program",
    "SavedWeights",
    "StateDict",
    "Statistics",
    "argument",
    "by_role",
]
