"""The marker for functions that implement a hook, and the version of the contracts; ``hookspecs`` has the hooks."""

from __future__ import annotations

import pluggy

GROUP = "img2imgkit"
"""The entry-point group of plugins, and the name under which pluggy knows the project."""

CONTRACT = 1
"""The version of the contracts between the toolkit and its plugins. It rises when plugins must be changed."""

OLDEST_CONTRACT = 1
"""The oldest contract for which a plugin can have been written and still work."""

STATES_CONTRACT = "IMG2IMG_CONTRACT"
"""The name by which a plugin's module states the contract that it was written for."""

hookimpl = pluggy.HookimplMarker(GROUP)
"""Marks a function of a plugin's module as the implementation of the hook of its name."""
