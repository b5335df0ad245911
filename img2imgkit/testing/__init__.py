"""Contract tests for everything that plugins provide, for use in the plugins' own test suites.

The complete test of a plugin can be ``check_task(MyTask, MyTask.Options(width=4))``.
"""

from img2imgkit.testing.architectures import check_architecture
from img2imgkit.testing.components import (
    check_adversarial_loss,
    check_augmentation,
    check_degradation,
    check_loss,
    check_penalty,
)
from img2imgkit.testing.data_kinds import check_data_kind
from img2imgkit.testing.engines import check_engine
from img2imgkit.testing.exchange import check_exporter, check_importer
from img2imgkit.testing.metrics import check_metric
from img2imgkit.testing.steps import check_step, sample_items
from img2imgkit.testing.tasks import check_task

__all__ = [
    "check_adversarial_loss",
    "check_architecture",
    "check_augmentation",
    "check_data_kind",
    "check_degradation",
    "check_engine",
    "check_exporter",
    "check_importer",
    "check_loss",
    "check_metric",
    "check_penalty",
    "check_step",
    "check_task",
    "sample_items",
]
