"""A chosen pipeline over a whole catalogue: neighbours, vectors, likely duplicates."""

from lib.deploy.apply import apply
from lib.deploy.pipeline import Pipeline, fit_pipelines, read_pipeline

__all__ = ["Pipeline", "apply", "fit_pipelines", "read_pipeline"]
