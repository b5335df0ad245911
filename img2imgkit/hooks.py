"""The marker for functions that implement a hook; ``hookspecs`` documents each hook."""

from __future__ import annotations

import pluggy

GROUP = "img2imgkit"
"""The entry-point group of plugins, and the name under which pluggy knows the project."""

hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function of a plugin's module as the implementation of the hook of its name."""
