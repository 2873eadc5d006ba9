"""What egxds tells: log lines (`logs`, named in `events`) and metrics (`metrics`, of many things by `asked_gauge`)."""

from egxds.telemetry.events import EVENTS
from egxds.telemetry.logs import LogAbout, configure_logging, log, log_level, take_loggers
from egxds.telemetry.metrics import Metrics

__all__ = ["EVENTS", "LogAbout", "Metrics", "configure_logging", "log", "log_level", "take_loggers"]
