"""The pace of tests that Hypothesis makes the cases of: no clock decides whether they pass."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

own_pace = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
