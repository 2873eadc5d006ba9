"""Says each problem of the input once when it appears and once when it is gone."""

from __future__ import annotations

from egxds.problems import Problem, Severity
from egxds.telemetry import Metrics, log


class ProblemLog:
    """Remembers which problems were logged."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._logged: frozenset[Problem] = frozenset()

    def report(self, problems: tuple[Problem, ...]) -> None:
        """Log what is new and what is solved, in the order given.

        Args:
            problems: every current problem.
        """
        current = frozenset(problems)
        for problem in problems:
            if problem not in self._logged:
                _say(problem)
        for problem in sorted(self._logged - current, key=str):
            log.info("model.solved", place=str(problem.location), object=problem.subject, problem=problem.message)
        self._logged = current
        for severity in Severity:
            count = sum(problem.severity is severity for problem in current)
            self._metrics.problems.labels(severity=severity.value).set(count)


def _say(problem: Problem) -> None:
    say = log.error if problem.severity is Severity.ERROR else log.warning
    say("model.problem", place=str(problem.location), object=problem.subject, problem=problem.message)
