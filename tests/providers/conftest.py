"""The gate on the coverage of these tests."""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Lift the gate where tests may be skipped: what they would have reached counts as missed."""
    coverage = config.pluginmanager.getplugin("_cov")
    if coverage and not os.environ.get("QSJWT_NO_SKIPS"):
        coverage.options.cov_fail_under = None
