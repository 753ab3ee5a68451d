"""What must be there before a worker: tables, topics, and the partitions' births."""

import stamina

from onhand.deploy.stack.errors import Refused, StackError
from onhand.deploy.stack.reach import settings_of
from onhand.schemas.faults import Corrupt, Retryable

_TRIES = 3  # a server that has just started on a busy machine may be slow with its first answer


def make_schema(environment: dict[str, str]) -> None:
    """Migrate and make the topics, on the servers that the environment names; done again is nothing done.

    StackError where a server is away, Refused where what is there cannot be right.
    """
    from onhand.agents.births import ensure
    from onhand.sql.migrate import migrate

    settings = settings_of(environment)
    try:
        for attempt in stamina.retry_context(on=Retryable, attempts=_TRIES):
            with attempt:
                migrate(settings.postgres.get_secret_value())
                ensure(settings)
    except Retryable as fault:
        raise StackError(f"tables and topics cannot be made: {fault}") from fault
    except Corrupt as fault:
        raise Refused(f"tables and topics cannot be made: {fault}") from fault
