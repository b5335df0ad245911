"""Names in pickles: which stand for data of other programs, which is passed over, and which for programs.

A pickle names a class to make an instance of it, and a function to call it. Nothing that these names stand for is ever
imported, made or called. A ``Placeholder`` is read in place of an instance, since trainings keep such things beside the
weights. A name of a module that runs programs, opens files or reaches into Python is refused, and so is a call of a
function unless it is one of the few that libraries use to describe data.
"""

from __future__ import annotations

from typing import Any

from img2imgkit.formats.archive import Refused

MAX_NAME = 200  # characters; longer ones would make reading slow
BUILTINS = frozenset({"builtins", "__builtin__"})  # the second is Python 2's name
PROGRAMS = BUILTINS | {
    *("os", "posix", "posixpath", "nt", "ntpath", "sys", "subprocess", "_posixsubprocess", "shutil", "tempfile", "io"),
    *("_io", "importlib", "imp", "_imp", "runpy", "pkgutil", "zipimport", "socket", "_socket", "ssl", "select"),
    *("asyncio", "signal", "_signal", "ctypes", "_ctypes", "cffi", "_cffi_backend", "mmap", "pickle", "_pickle"),
    *("cPickle", "pickletools", "marshal", "dill", "cloudpickle", "joblib", "code", "codeop", "pdb", "bdb", "cmd"),
    *("pty", "tty", "commands", "popen2", "platform", "webbrowser", "http", "httplib", "urllib", "urllib2", "ftplib"),
    *("smtplib", "xmlrpc", "requests", "timeit", "profile", "cProfile", "trace", "operator", "_operator", "types"),
    *("inspect", "gc", "distutils", "setuptools", "pip", "venv", "ensurepip", "doctest", "idlelib", "lib2to3"),
    *("multiprocessing", "concurrent", "_thread", "thread", "sqlite3", "atexit", "weakref", "nturl2path"),
    *("torch.hub", "torch.jit", "torch.package", "torch.ops", "torch._ops", "torch.utils.cpp_extension"),
    *("torch._dynamo", "torch._inductor", "numpy.testing", "numpy.f2py", "numpy.distutils"),
}
"""Modules whose names are refused wherever they stand."""

_RANDOM = ("randomstate_ctor", "generator_ctor", "bit_generator_ctor")
_ARRAYS = {"multiarray": ("scalar", "_reconstruct"), "numeric": ("_frombuffer",)}
_BUILTIN = (
    *("bool", "bytearray", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "long", "object", "range"),
    *("set", "slice", "str", "tuple", "type", "unicode", "xrange", "Ellipsis", "NotImplemented"),
)
_REBUILT = (
    *("sparse_tensor", "nested_tensor", "qtensor", "meta_tensor_no_storage", "wrapper_subclass", "xla_tensor"),
    *("device_tensor_from_numpy", "device_tensor_from_cpu_tensor"),
)
DATA = {
    **dict.fromkeys(BUILTINS, _BUILTIN),
    **dict.fromkeys(("copyreg", "copy_reg"), ("_reconstructor", "__newobj__", "__newobj_ex__")),
    **{f"numpy.{core}.{module}": names for core in ("core", "_core") for module, names in _ARRAYS.items()},
    "numpy": ("dtype", "ndarray"),
    "numpy.random._pickle": tuple(f"__{name}" for name in _RANDOM),
    "torch": ("device", "dtype"),
    "torch._utils": tuple(f"_rebuild_{name}" for name in _REBUILT),
    "torch.serialization": ("_get_layout",),
    "datetime": ("datetime", "date", "time", "timedelta", "timezone"),
    **dict.fromkeys(("operator", "_operator"), ("getitem",)),  # generic types of ``typing``
    "types": ("SimpleNamespace", "MappingProxyType"),
    "collections": ("deque",),
    "array": ("array", "_array_reconstructor"),
    "functools": ("partial",),
    "re": ("_compile",),
    "_codecs": ("encode",),
    "pandas._libs.internals": ("_unpickle_block",),
    "pandas.core.indexes.base": ("_new_Index",),
}
"""Names that a pickle may call although they are no classes by their spelling, or are of a module in ``PROGRAMS``."""

SETS = tuple(f"{module}.set" for module in sorted(BUILTINS))
RECONSTRUCTORS = ("copyreg.", "copy_reg.")  # their first argument is the class of which they make an instance


class Placeholder:
    """What a pickle describes by a name, and what is not made: a class, a function, or an instance of a class.

    Attributes:
        name: the name of the class or function, with its module
        made: whether it stands for an instance
        entries: what a pickle puts into an instance under keys, as into a subclass of dict; None if nothing
        attributes: those of an instance that is a network, see ``pickled_networks``; None for anything else
        members: the texts in a set
    """

    __slots__ = ("attributes", "calls", "entries", "made", "members", "name")

    def __init__(self, name: str, made: bool = False, calls: bool = False) -> None:
        self.name, self.made, self.calls = name, made, calls
        self.entries: dict[Any, Any] | None = None
        self.attributes: dict[Any, Any] | None = None
        self.members: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def put(self, key: Any, value: Any) -> None:
        """Keep an entry."""
        if self.entries is None:
            self.entries = {}
        self.entries[key] = value

    def instance(self, arguments: tuple[Any, ...]) -> Placeholder:
        """A placeholder of what it returns if it is called with these arguments."""
        wanted = self
        if self.name.startswith(RECONSTRUCTORS) and arguments and type(arguments[0]) is Placeholder:
            wanted = arguments[0]
        made = Placeholder(wanted.name, made=True)
        if arguments and type(arguments[-1]) is dict and wanted is not self:  # a subclass of dict, before protocol 2
            made.entries = arguments[-1]
        if wanted.name in SETS and arguments and type(arguments[0]) is list:
            made.extend(arguments[0])
        return made

    def extend(self, values: list[Any]) -> None:
        """Keep the texts that are added to a set."""
        if self.name in SETS:
            self.members += tuple(value for value in values if type(value) is str)


def placeholder(module: str, name: str) -> Placeholder:
    """A placeholder for a name in a pickle.

    Raises:
        Refused: it names a program, or is too long.
    """
    if max(len(module), len(name)) > MAX_NAME:
        raise Refused(f"it refers to {f'{module[:MAX_NAME]}.{name[:MAX_NAME]}'}..., a name that is too long")
    full = f"{module}.{name}"
    if name in DATA.get(module, ()) or (module in BUILTINS and _is_class(name)):  # an exception
        return Placeholder(full)
    packages = module.split(".", 3)
    if any(".".join(packages[: depth + 1]) in PROGRAMS for depth in range(min(len(packages), 3))):
        raise refusal(full)
    return Placeholder(full, calls=not _is_class(name))


def attribute(owner: Any, name: Any) -> Placeholder:
    """A placeholder for an attribute of a class or module, by which pickles before protocol 4 name inner classes.

    Raises:
        Refused: it is an attribute of anything else, or its name is too long.
    """
    if type(owner) is not Placeholder or owner.made or type(name) is not str:
        raise refusal("builtins.getattr")
    if len(owner.name) + len(name) > 2 * MAX_NAME:
        raise Refused(f"it refers to {owner.name[:MAX_NAME]}..., a name that is too long")
    return Placeholder(f"{owner.name}.{name}", calls=not _is_class(name))


def refusal(name: str) -> Refused:
    """The error for a name that is part of a program."""
    return Refused(
        f"it refers to {name}, which is a program and not plain data; none of its code was run. "
        "If you trust the file, load it with PyTorch and save only its state_dict()"
    )


def _is_class(name: str) -> bool:
    """Whether a name is that of a class, as far as its spelling tells."""
    last = name.rpartition(".")[2]
    return last.lstrip("_")[:1].isupper() or last.startswith("__pyx_unpickle_")
