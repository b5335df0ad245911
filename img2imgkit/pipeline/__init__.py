"""Pipelines: read the file, make the plan, carry it out, report. Nothing that was finished is lost."""

from img2imgkit.pipeline.file import Pipeline, PipelineFile, pipeline_of, read_pipeline
from img2imgkit.pipeline.outcome import Outcome, Result, Watcher
from img2imgkit.pipeline.plan import Job, Plan, make_plan
from img2imgkit.pipeline.report import make_report, write_report
from img2imgkit.pipeline.run import run

__all__ = [
    "Job",
    "Outcome",
    "Pipeline",
    "PipelineFile",
    "Plan",
    "Result",
    "Watcher",
    "make_plan",
    "make_report",
    "pipeline_of",
    "read_pipeline",
    "run",
    "write_report",
]
