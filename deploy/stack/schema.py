"""What must be there before a worker: tables, topics, and the partitions' births."""

import time

from onhand.deploy.stack.errors import Refused, StackError
from onhand.deploy.stack.reach import settings_of
from onhand.schemas.faults import Corrupt, Retryable

_PAUSES_S = (0.5, 1.0)  # a server that has just started on a busy machine may be slow with its first answer


def make_schema(environment: dict[str, str]) -> None:
    """Migrate and make the topics, on the servers that the environment names; done again is nothing done.

    StackError where a server is away, Refused where what is there cannot be right.
    """
    for pause_s in (*_PAUSES_S, None):
        try:
            return _make(environment)
        except Retryable as fault:
            if pause_s is None:
                raise StackError(f"tables and topics cannot be made: {fault}") from fault
            time.sleep(pause_s)
        except Corrupt as fault:
            raise Refused(f"tables and topics cannot be made: {fault}") from fault


def _make(environment: dict[str, str]) -> None:
    from onhand.agents.births import ensure
    from onhand.sql.migrate import migrate

    settings = settings_of(environment)
    migrate(settings.postgres.get_secret_value())
    ensure(settings)
