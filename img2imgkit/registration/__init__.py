"""One plugin's registration.

plugin        an entry point or a file, and how to import it; its code is called under watch
faults        why and where it failed
contract      the version of the contracts that it was written for
hooking       its hooks, and what they register, proved
plugin_files  plugins of one file each, in the user's folder
"""

from img2imgkit.registration.contract import contract_problem
from img2imgkit.registration.faults import Broken, Fault, broken
from img2imgkit.registration.hooking import hooked, prove_options, registrar
from img2imgkit.registration.plugin import Plugin, calling, waiting_for
from img2imgkit.registration.plugin_files import plugins_in

__all__ = [
    "Broken",
    "Fault",
    "Plugin",
    "broken",
    "calling",
    "contract_problem",
    "hooked",
    "plugins_in",
    "prove_options",
    "registrar",
    "waiting_for",
]
