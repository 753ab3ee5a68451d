"""Logging: one JSON line per event on standard error, ids in it, secrets never."""

import logging
import sys

import structlog

_QUIET = ("faust", "mode", "aiokafka", "asyncio")


def configure(level: str) -> None:
    """Set up structlog, and let the libraries speak only from warnings on."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format='{"logger": "%(name)s", "event": "%(message)s"}'
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
