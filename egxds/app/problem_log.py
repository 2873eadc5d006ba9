"""Says each problem of the input once when it appears and once when it is gone."""

from __future__ import annotations

from egxds.inspect.problem_book import ProblemChanges
from egxds.problems import Problem, Severity
from egxds.telemetry import Metrics, log


def log_problems(changes: ProblemChanges, metrics: Metrics) -> None:
    """Log what is new and what is solved, and count what there is.

    Args:
        changes: since the last time.
        metrics: where problems are counted.
    """
    for problem in changes.appeared:
        _say(problem)
    for problem in changes.solved:
        log.info("model.solved", place=str(problem.location), object=problem.subject, problem=problem.message)
    for severity in Severity:
        metrics.problems.labels(severity=severity.value).set(changes.counts.get(severity, 0))


def _say(problem: Problem) -> None:
    say = log.error if problem.severity is Severity.ERROR else log.warning
    say("model.problem", place=str(problem.location), object=problem.subject, problem=problem.message)
