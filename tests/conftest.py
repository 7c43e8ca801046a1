"""Fixtures that tests in several rooms share."""

from tests.evaluation.measured_run import data, extractor  # noqa: F401 a tiny run that is measured
