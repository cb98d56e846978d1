"""The process that ``running_sandbox`` starts."""

from optimove_pipeline.sandbox.process import run_child

run_child()
