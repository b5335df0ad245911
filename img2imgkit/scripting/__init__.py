"""The toolkit as a library: models as functions of pictures, and what the commands do as functions.

image_kinds   the kinds of pictures that Python programs hold, and back
loaded_model  a model that was loaded by name or path, as a function
jobs          run a pipeline, train a task, import and export a model
scores        score a model on pictures whose right result is known
display       a training or a run in a notebook while it goes on
"""

from img2imgkit.scripting.display import Display
from img2imgkit.scripting.image_kinds import LibraryPicture
from img2imgkit.scripting.jobs import RunStarted, export, import_model, run, train
from img2imgkit.scripting.loaded_model import LoadedModel, load
from img2imgkit.scripting.scores import evaluate

__all__ = [
    "Display",
    "LibraryPicture",
    "LoadedModel",
    "RunStarted",
    "evaluate",
    "export",
    "import_model",
    "load",
    "run",
    "train",
]
