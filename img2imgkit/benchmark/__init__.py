"""Speed and memory of engines on this machine, measured by processes that take turns.

turns       processes that take turns at being timed
engines     what can run a model here, and how fast each is
"""

from img2imgkit.benchmark.engines import Contender, Extents, Result, contenders, measure
from img2imgkit.benchmark.turns import Timing, in_processes, timed

__all__ = ["Contender", "Extents", "Result", "Timing", "contenders", "in_processes", "measure", "timed"]
