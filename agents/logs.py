"""Logging: one JSON line per event on standard error, ids in it, secrets never."""

import logging
import sys

import structlog
from structlog.typing import Processor

_SHARED: list[Processor] = [
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.format_exc_info,
]
_SERVERS_AWAY = "aiokafka"
"""Says the same several times a second while a broker is away; our own lanes and clients tell of it once."""


def configure(level: str) -> None:
    """Set up structlog; libraries speak from warnings on, in the same form."""
    structlog.configure(
        processors=[*_SHARED, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    foreign: list[Processor] = [structlog.stdlib.add_logger_name, *_SHARED]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=foreign,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger(_SERVERS_AWAY).setLevel(logging.CRITICAL)
