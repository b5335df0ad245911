"""The public names of ``img2imgkit``, one import each; ``__init__.py`` reads them here."""

from img2imgkit.catalog import Catalog as Catalog
from img2imgkit.config import Config as Config
from img2imgkit.config import Location as Location
from img2imgkit.data_kind import Contents as Contents
from img2imgkit.data_kind import DataKind as DataKind
from img2imgkit.data_kind import Reader as Reader
from img2imgkit.data_kind import ReaderOptions as ReaderOptions
from img2imgkit.errors import InteropError as InteropError
from img2imgkit.exchange import Adoption as Adoption
from img2imgkit.exchange import Exporter as Exporter
from img2imgkit.exchange import Foreign as Foreign
from img2imgkit.exchange import Importer as Importer
from img2imgkit.exchange import Port as Port
from img2imgkit.exchange import Program as Program
from img2imgkit.exchange import Taken as Taken
from img2imgkit.hookspecs import hookimpl as hookimpl
from img2imgkit.images import Metadata as Metadata
from img2imgkit.images import Picture as Picture
from img2imgkit.item import Entry as Entry
from img2imgkit.item import Item as Item
from img2imgkit.metrics import Metric as Metric
from img2imgkit.metrics import PairMetric as PairMetric
from img2imgkit.metrics import PretrainedWeights as PretrainedWeights
from img2imgkit.metrics import SetMetric as SetMetric
from img2imgkit.metrics import SetsMetric as SetsMetric
from img2imgkit.step import Planning as Planning
from img2imgkit.step import Rendering as Rendering
from img2imgkit.step import Resources as Resources
from img2imgkit.step import Sink as Sink
from img2imgkit.step import Source as Source
from img2imgkit.step import Step as Step
from img2imgkit.step import Transform as Transform
from img2imgkit.task import Condition as Condition
from img2imgkit.task import Conditional as Conditional
from img2imgkit.task import Geometry as Geometry
from img2imgkit.task import Networks as Networks
from img2imgkit.task import Task as Task

__version__: str
