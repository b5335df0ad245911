"""The mark of functions that implement a hook; what each hook is called with stands in ``hookspecs``."""

from __future__ import annotations

import pluggy

GROUP = "img2imgkit"
"""The entry-point group of plugins, and the name of the project to pluggy."""

hookimpl = pluggy.HookimplMarker(GROUP)
