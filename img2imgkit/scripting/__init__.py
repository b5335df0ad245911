"""The toolkit as a library: models as functions of pictures, and what the commands do as functions.

image_kinds   the kinds of pictures that Python programs hold, and back
loaded_model  a model that was loaded by name or path, as a function
jobs          run a pipeline, train a task, export a model
"""

from img2imgkit.scripting.image_kinds import LibraryPicture
from img2imgkit.scripting.jobs import export, run, train
from img2imgkit.scripting.loaded_model import LoadedModel, load

__all__ = ["LibraryPicture", "LoadedModel", "export", "load", "run", "train"]
