"""The source as the laws see it: modules, the rooms they lie in, and who imports what, read by ``ast``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE, PLUGINS = "img2imgkit", "img2imgkit_plugins"
ROOMS = (  # each imports only rooms before it
    *(
        "errors",
        "files",
        "locks",
        "hooks",
        "backend",
        "config",
        "components",
        "geometry",
        "places",
        "images",
        "degradations",
        "nn",
        "architectures",
        "losses",
        "image_losses",
        "metrics",
        "adversary",
        "exchange",
        "formats",
        "task",
        "data_kind",
        "item",
        "step",
        "engine",
        "model_entry",
        "hookspecs",
        "plugin_kinds",
        "registration",
        "catalog",
    ),
    *(
        "bundle",
        "importing",
        "inference",
        "geometry_proof",
        "exporting",
        "model_index",
        "benchmark",
        "data",
        "training",
        "evaluation",
        "pipeline",
        "steps",
        "scripting",
        "schema",
        "testing",
        "distributions",
        "pytest_plugin",
        "streams",
        "app",
        "cli",
    ),
)
NETWORK_LIBRARIES = {"keras", "tensorflow"}
# Heavy, or only there on some systems.
DEFERRABLE = NETWORK_LIBRARIES | {
    *("PIL", "imagecodecs", "tifffile", "rich", "fcntl", "msvcrt", "resource", "h5py", "safetensors"),
    *("ai_edge_litert", "onnx", "onnxruntime", "openvino", "tf2onnx"),
    *("pi_heif", "rawpy", "OpenEXR", "Imath", "huggingface_hub"),
    *("starlette", "uvicorn"),
    "urllib.request",  # and with it ssl
}
FOLDERS = {PACKAGE: ROOT / PACKAGE, PLUGINS: ROOT / "plugins"}


@dataclass(frozen=True)
class Import:
    """One imported module, and one name taken from it ("" for the module itself)."""

    module: str
    name: str
    line: int
    deferred: bool  # inside a function
    types_only: bool  # under `if TYPE_CHECKING:`


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str  # dotted
    path: Path

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @property
    def room(self) -> str:
        """Top-level module or package it lies in; "" for the package's own __init__."""
        return ([*self.name.split("."), ""])[1]

    @property
    def is_door(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def folder(self) -> str:
        """Where it lies inside the package, such as "nn/layers"; a door is a place of its own, "nn/layers/__init__"."""
        parts = self.name.split(".")[1:]
        return "/".join([*parts, "__init__"] if self.is_door else parts[:-1])

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        return tuple(_imports(self.tree, deferred=False, types_only=False))

    @property
    def runtime_imports(self) -> Iterator[Import]:
        return (each for each in self.imports if not each.types_only)

    def at(self, line: int) -> str:
        return f"{self.name}:{line}"


def _imports(node: ast.AST, deferred: bool, types_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        inside = deferred or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, "", child.lineno, deferred, types_only)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: relative import"
            for alias in child.names:
                yield Import(child.module or "", alias.name, child.lineno, deferred, types_only)
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            for part in child.body:
                yield from _imports(ast.Module([part], []), inside, True)
            for part in child.orelse:
                yield from _imports(ast.Module([part], []), inside, types_only)
        else:
            yield from _imports(child, inside, types_only)


@cache
def modules(package: str = PACKAGE) -> dict[str, Module]:
    """Every module of a package by its dotted name."""
    folder = FOLDERS[package]
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = [package, *path.relative_to(folder).with_suffix("").parts]
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = Module(name, path)
    return found


@cache
def public_names(module: str) -> tuple[str, ...]:
    """``__all__`` of a module of ours; empty where there is none."""
    if module == PACKAGE:
        return tuple(homes())
    for node in modules()[module].tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return tuple(ast.literal_eval(node.value))
    return ()


@cache
def homes() -> dict[str, str]:
    """The public names of ``img2imgkit``, and the module that each comes from, as its stub states them."""
    stub = ast.parse((FOLDERS[PACKAGE] / "__init__.pyi").read_text(encoding="utf-8"))
    imports = (node for node in stub.body if isinstance(node, ast.ImportFrom))
    return {each.name: node.module or "" for node in imports for each in node.names}


def target(each: Import) -> str:
    """The module of ours that an import reaches; "" for any other."""
    if each.module.partition(".")[0] != PACKAGE:
        return ""
    if f"{each.module}.{each.name}" in modules():
        return f"{each.module}.{each.name}"
    if each.module == PACKAGE and each.name in homes():
        return homes()[each.name]
    return each.module


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of an attribute chain; "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (inner := dotted(node.value)):
        return f"{inner}.{node.attr}"
    return ""


# The laws: each gives the places that break it.


def lower_imports(module: Module) -> list[str]:
    """Imports of rooms that come later, of types too."""
    return [
        f"{module.at(each.line)} imports {room}, which lies below {module.room}"
        for each, room in rooms_of(module.imports)
        if module.room and room and ROOMS.index(room) > ROOMS.index(module.room)
    ]


def rooms_of(imports: Iterable[Import]) -> Iterator[tuple[Import, str]]:
    """The imports that reach one of our modules, and its room."""
    for each in imports:
        if reached := target(each):
            yield each, modules()[reached].room


def needless_deferrals(module: Module) -> list[str]:
    """Imports inside functions of what costs nothing."""
    return [
        f"{module.at(each.line)} imports {each.module} inside a function"
        for each in module.runtime_imports
        if each.deferred and module.room != "cli" and not is_heavy(each)
    ]


def is_heavy(each: Import) -> bool:
    return not DEFERRABLE.isdisjoint({each.module, _top(each)}) or target(each) in network_modules()


@cache
def network_modules() -> set[str]:
    """Our modules whose import imports Keras or TensorFlow; importing one imports the packages it lies in, too."""
    reached = {
        module.name: {each for each in module.runtime_imports if not each.deferred} for module in modules().values()
    }
    found = {name for name, some in reached.items() if any(_top(each) in NETWORK_LIBRARIES for each in some)}
    while True:
        packages = {name for name in reached if any(name.startswith(f"{each}.") for each in found - {PACKAGE})}
        more = {name for name, some in reached.items() if any(target(each) in found for each in some)} | packages
        if more <= found:
            return found
        found |= more


def _top(each: Import) -> str:
    return each.module.partition(".")[0]


def folder_graph(some: Iterable[Module]) -> dict[str, set[str]]:
    """Which folder imports which other of the same room, types and deferred imports included.

    The modules directly in a room are a folder, too. A door, which may import all that lies behind it, is a place of
    its own: who imports it from behind closes a circle.
    """
    graph: dict[str, set[str]] = {}
    for module in some:
        graph.setdefault(module.folder, set())
        for each, room in rooms_of(module.imports):
            reached = modules()[target(each)].folder
            if room and room == module.room:
                graph[module.folder].add(reached)
                graph.setdefault(reached, set())
    return graph


def cycle(graph: dict[str, set[str]]) -> list[str]:
    """A way from a module back to itself, or nothing. A package and what lies inside it are one."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        for reached in sorted(graph[name] - {name}) if name not in done else ():
            inside = reached.startswith(f"{name}.") or name.startswith(f"{reached}.")
            if not inside and (found := visit(reached, [*path, name])):
                return found
        done.add(name)
        return []

    return next((found for name in graph if (found := visit(name, []))), [])


def prints(module: Module) -> list[str]:
    """Calls that print or exit, and imports of libraries made for that."""
    calls = ("print", "exit", "quit", "sys.exit", "sys.stdout.write", "sys.stderr.write")
    found = [
        module.at(node.lineno)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and dotted(node.func) in calls
    ]
    libraries = ("click", "rich", "argparse")
    return found + [module.at(e.line) for e in module.runtime_imports if e.module.partition(".")[0] in libraries]


def raw_prints(module: Module) -> list[str]:
    """Calls and imports that print without the functions that escape control characters."""
    calls = ("click.echo", "click.secho", "click.progressbar", "click.echo_via_pager", "click.prompt", "click.confirm")
    found = [
        module.at(node.lineno)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and dotted(node.func) in ("print", "sys.stdout.write", "sys.stderr.write", *calls)
    ]
    return found + [module.at(e.line) for e in module.runtime_imports if e.module.startswith("rich.console")]


def raw_reads(module: Module) -> list[str]:
    """Calls that open a path for reading without the check that it is a regular file."""
    found = []
    for node in ast.walk(module.tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else dotted(node.func)
        modes = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
        method = isinstance(node.func, ast.Attribute)
        if (method and name in ("read_text", "read_bytes")) or (name == "open" and any("r" in mode for mode in modes)):
            found.append(module.at(node.lineno))
    return found


def flags(module: Module) -> list[str]:
    """Texts, docstrings excepted, that name an option as one types it on a command line."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = list(ast.walk(module.tree))
    first = [node.body[0] for node in nodes if isinstance(node, owners) and ast.get_docstring(node) is not None]
    docstrings = {each.value for each in first if isinstance(each, ast.Expr)}
    return [
        f"{module.at(node.lineno)} says {node.value!r}"
        for node in nodes
        if isinstance(node, ast.Constant) and node not in docstrings and re.search(r"(?<![\w-])--\w", str(node.value))
    ]


def optimizer_uses(module: Module) -> list[str]:
    """Names that only those need who update weights."""
    names = {"optimizers", "Optimizer", "apply_gradients", "minimize"}
    found = [
        module.at(node.lineno)
        for node in ast.walk(module.tree)
        if (isinstance(node, ast.Attribute) and node.attr in names) or (isinstance(node, ast.Name) and node.id in names)
    ]
    return found + [module.at(e.line) for e in module.imports if "optimizers" in f"{e.module}.{e.name}"]


def kept_state(module: Module) -> list[str]:
    """Registries, plugin managers and strategies at module level, and whatever there changes after import."""
    kept = dict(_kept(module))
    found = [
        module.at(value.lineno)
        for value in kept.values()
        if isinstance(value, ast.Call)
        and dotted(value.func).rpartition(".")[2].endswith(("PluginManager", "Catalog", "Strategy"))
    ]
    found += [module.at(node.lineno) for node in ast.walk(module.tree) if isinstance(node, ast.Global)]
    return found + [place for function in functions(module) for place in _changes(function, kept, module)]


def _kept(module: Module) -> Iterator[tuple[str, ast.expr]]:
    displays = ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp | ast.Call
    for node in module.tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, displays):
            for named in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if name := dotted(named):
                    yield name, node.value


def _changes(function: ast.AST, kept: dict[str, ast.expr], module: Module) -> Iterator[str]:
    own = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    methods = {"append", "add", "update", "setdefault", "extend", "insert", "pop", "clear", "remove", "discard"}
    for node in ast.walk(function):
        name = ""
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            name = dotted(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            name = dotted(node.func.value)
        if name in kept and name not in own:
            yield module.at(node.lineno)


def private_uses(module: Module) -> list[str]:
    """What a plugin takes from the toolkit that is not public, or from another plugin."""
    own = ".".join(module.name.split(".")[:2])
    found = []
    for each in module.imports:
        top = each.module.partition(".")[0]
        if top == PLUGINS and not f"{each.module}.".startswith(f"{own}."):
            found.append(f"{module.at(each.line)} imports another plugin, {each.module}")
        if top == PACKAGE and (each.module, each.name) != (PACKAGE, "") and not _is_public(each):
            found.append(f"{module.at(each.line)} imports {each.module}.{each.name}, which is not public")
    kit = {
        node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute) and dotted(node.value) == "kit"
    }
    return found + [f"{module.name} uses kit.{name}, which is not public" for name in kit - {*public_names(PACKAGE)}]


def _is_public(each: Import) -> bool:
    return each.module.count(".") <= 1 and not each.name.startswith("_") and each.name in public_names(each.module)
