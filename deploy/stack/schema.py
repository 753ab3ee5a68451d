"""What must be there before a worker: tables, topics, and the partitions' births."""

from onhand.deploy.stack.errors import StackError
from onhand.deploy.stack.reach import settings_of
from onhand.schemas.faults import Corrupt, Retryable


def make_schema(environment: dict[str, str]) -> None:
    """Migrate and make the topics, on the servers that the environment names. StackError if that cannot be."""
    from onhand.agents.births import ensure
    from onhand.sql.migrate import migrate

    settings = settings_of(environment)
    try:
        migrate(settings.postgres.get_secret_value())
        ensure(settings)
    except (Retryable, Corrupt) as fault:
        raise StackError(f"tables and topics cannot be made: {fault}") from fault
