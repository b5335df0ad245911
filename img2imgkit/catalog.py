"""The catalog of everything that plugins provide, from tasks to bundles, with the owner of each entry.

A plugin that cannot be imported, misspells a hook or registers a name twice is recorded as broken; the others still
work. Each kind is collected on first access. A plugin that imports Keras there slows down that access alone, quietly.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pluggy

from img2imgkit.adversary import AdversarialLoss, Augmentation, Penalty
from img2imgkit.architectures import Architecture
from img2imgkit.config import suggestion
from img2imgkit.degradations import Degradation
from img2imgkit.engine import Engine
from img2imgkit.errors import NotInstalled
from img2imgkit.hooks import GROUP, STATES_CONTRACT
from img2imgkit.image_losses import Loss
from img2imgkit.model_entry import ModelEntry
from img2imgkit.places import Places, UserSettings
from img2imgkit.plugin_kinds import HOOKS, KINDS
from img2imgkit.registration import Broken, Fault, Plugin, broken, calling, hooked, plugins_in, prove_options, registrar

__all__ = ["Broken", "Catalog", "Plugin"]


@dataclass
class Catalog:
    """Everything that plugins registered. Each kind is collected once and never changes."""

    plugins: tuple[Plugin, ...]
    _hooks: dict[str, pluggy.PluginManager] = field(default_factory=dict, repr=False)
    _found: dict[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    _owners: dict[tuple[str, str], Plugin] = field(default_factory=dict, repr=False)
    _broken: list[Broken] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.plugins = self._with_own_names()
        for plugin in self.plugins:
            try:
                with calling(plugin):
                    self._hooks[plugin.name] = hooked(plugin)
            except (Exception, SystemExit) as error:
                self._broken.append(broken(plugin, error))

    @classmethod
    def installed(cls, environ: Mapping[str, str] | None = None) -> Catalog:
        """The catalog of this environment; ``IMG2IMG_PLUGINS=a,b`` restricts it to these plugins, empty means none.

        Entries of the toolkit's own modules, such as its steps, are always included. The files of the user's folder of
        plugins come last. Without ``environ``, the variables are those of the process.

        Raises:
            ConfigError: the user's configuration file, which may name that folder, is invalid.
        """
        environ = os.environ if environ is None else environ
        chosen = environ.get("IMG2IMG_PLUGINS")
        wanted = None if chosen is None else {name.strip() for name in chosen.split(",") if name.strip()}
        plugins = sorted(map(_plugin, metadata.entry_points(group=GROUP)), key=lambda p: (not p.own, p.name))
        folder = UserSettings.read(Places.of_user(environ), environ).config.plugins_dir if wanted != set() else None
        plugins += plugins_in(folder) if folder else ()
        return cls(tuple(p for p in plugins if wanted is None or p.name in wanted or p.built_in))

    @property
    def tasks(self) -> Mapping[str, Any]:
        """Task classes by name."""
        return self._of("tasks")

    @property
    def architectures(self) -> Mapping[str, type[Architecture]]:
        """Architecture classes by name."""
        return self._of("architectures")

    @property
    def losses(self) -> Mapping[str, type[Loss]]:
        """Classes of losses between two images by name."""
        return self._of("losses")

    @property
    def adversarial_losses(self) -> Mapping[str, type[AdversarialLoss]]:
        """Classes of adversarial losses by name."""
        return self._of("adversarial_losses")

    @property
    def penalties(self) -> Mapping[str, type[Penalty]]:
        """Classes of gradient penalties by name."""
        return self._of("penalties")

    @property
    def augmentations(self) -> Mapping[str, type[Augmentation]]:
        """Classes of augmentations by name."""
        return self._of("augmentations")

    @property
    def degradations(self) -> Mapping[str, type[Degradation]]:
        """Degradation classes by name."""
        return self._of("degradations")

    @property
    def data_kinds(self) -> Mapping[str, Any]:
        """Data kind classes by name."""
        return self._of("data_kinds")

    @property
    def steps(self) -> Mapping[str, Any]:
        """Step classes by name."""
        return self._of("steps")

    @property
    def importers(self) -> Mapping[str, Any]:
        """Importer classes by name."""
        return self._of("importers")

    @property
    def exporters(self) -> Mapping[str, Any]:
        """Exporter classes by name."""
        return self._of("exporters")

    @property
    def engines(self) -> Mapping[str, type[Engine]]:
        """Engine classes by name."""
        return self._of("engines")

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Metric classes by name."""
        return self._of("metrics")

    @property
    def bundles(self) -> Mapping[str, Path]:
        """Folders of bundles by name."""
        return self._of("bundles")

    @property
    def model_index(self) -> Mapping[str, ModelEntry]:
        """Models that can be fetched, by name."""
        return self._of("model_index")

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Plugins and kinds that failed, among those accessed so far."""
        return tuple(self._broken)

    def owner(self, kind: str, name: str) -> Plugin:
        """The plugin that registered ``name``."""
        self._of(kind)
        return self._owners[kind, name]

    def hooks(self, plugin: str) -> tuple[str, ...]:
        """The hooks that a plugin implements; empty if it is broken."""
        if plugin not in self._hooks:
            return ()
        return tuple(hook for hook in HOOKS if getattr(self._hooks[plugin].hook, hook).get_hookimpls())

    def contract(self, plugin: str) -> int | None:
        """The version of the contracts that a plugin was written for; None if it states none, or is broken."""
        module = self._hooks[plugin].get_plugin(plugin) if plugin in self._hooks else None
        stated: int | None = getattr(module, STATES_CONTRACT, None)
        return stated

    def get(self, kind: str, name: str) -> Any:
        """Return the entry of that kind and name.

        Raises:
            NotInstalled: no such entry; the text suggests the nearest name and lists broken plugins.
        """
        found = self._of(kind)
        if name in found:
            return found[name]
        message = f"no {KINDS[kind].singular} {name!r} is installed{suggestion(name, found)}"
        for each in self._broken:
            message += f"\n  plugin {each.plugin!r} is broken: {each.sentence}"
        raise NotInstalled(message)

    def _with_own_names(self) -> tuple[Plugin, ...]:
        """The plugins, without those whose name an earlier plugin has."""
        first: dict[str, Plugin] = {}
        for plugin in self.plugins:
            if plugin.name in first:
                owner = first[plugin.name].distribution
                reason = f"{plugin.distribution} provides it, but {owner} already has a plugin of that name"
                self._broken.append(Broken(plugin.name, reason))
            first.setdefault(plugin.name, plugin)
        return tuple(first.values())

    def _of(self, kind: str) -> Mapping[str, Any]:
        if kind not in KINDS:
            raise ValueError(f"there is no kind {kind!r}{suggestion(kind, KINDS)}; the kinds are {', '.join(KINDS)}")
        if kind not in self._found:
            self._found[kind] = MappingProxyType(self._collect(kind))
        return self._found[kind]

    def _collect(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for plugin in self.plugins:
            if plugin.name not in self._hooks:
                continue
            mine: dict[str, Any] = {}
            try:
                register = registrar(KINDS[kind], mine, {name: self._owners[kind, name].name for name in found})
                with calling(plugin):
                    getattr(self._hooks[plugin.name].hook, f"register_{kind}")(register=register)
                self._check_references(kind, mine)
                if not plugin.own:
                    prove_options(mine.values())
            except (Exception, SystemExit) as error:
                self._broken.append(broken(plugin, error, kind))
                continue
            found |= mine
            self._owners |= {(kind, name): plugin for name in mine}
        return dict(sorted(found.items()))

    def _check_references(self, kind: str, mine: Mapping[str, Any]) -> None:
        for attribute, other in KINDS[kind].refers_to.items():
            known = self._of(other)
            for name, thing in mine.items():
                if (stated := getattr(thing, attribute, None)) not in known:
                    place = f"{KINDS[kind].singular} {name!r}: its {attribute} is {stated!r}, but no"
                    near = f"{suggestion(str(stated), known)}; installed: {', '.join(known) or 'none'}"
                    raise Fault(f"{place} {KINDS[other].singular} of that name is installed{near}", thing)


def _plugin(point: metadata.EntryPoint) -> Plugin:
    module = point.value.partition(":")[0].strip()
    try:
        return Plugin(point.name, point.load, point.dist.name, point.dist.version, module)  # type: ignore[union-attr]
    except (AttributeError, KeyError, TypeError):  # leftovers of a half-removed distribution without name or version
        return Plugin(point.name, point.load, "unknown distribution")
