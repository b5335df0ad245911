"""Pipelines: read the file, make a plan, run it, report. Finished work is never lost."""

from img2imgkit.pipeline.coordinator import run
from img2imgkit.pipeline.executor import Done, Executor, Outcome, Result, Staged, Watcher
from img2imgkit.pipeline.jobs import Job, Jobs
from img2imgkit.pipeline.pipeline_file import Pipeline, PipelineFile, pipeline_of, read_pipeline
from img2imgkit.pipeline.plan import Plan, forecasts, make_plan
from img2imgkit.pipeline.preparing import prepare
from img2imgkit.pipeline.report import engine_lines, make_report, write_report
from img2imgkit.pipeline.threads import ThreadExecutor
from img2imgkit.pipeline.verification import Orphan, Verified, orphans, verifying
from img2imgkit.pipeline.watching import watch

__all__ = [
    "Done",
    "Executor",
    "Job",
    "Jobs",
    "Orphan",
    "Outcome",
    "Pipeline",
    "PipelineFile",
    "Plan",
    "Result",
    "Staged",
    "ThreadExecutor",
    "Verified",
    "Watcher",
    "engine_lines",
    "forecasts",
    "make_plan",
    "make_report",
    "orphans",
    "pipeline_of",
    "prepare",
    "read_pipeline",
    "run",
    "verifying",
    "watch",
    "write_report",
]
