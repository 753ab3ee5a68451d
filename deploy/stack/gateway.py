"""The gateway as a part of the stack, with an API key of its own."""

import asyncio
from dataclasses import dataclass, field

from onhand.deploy.stack.api_key import kept_key
from onhand.deploy.stack.errors import StackError
from onhand.deploy.stack.part import Report
from onhand.deploy.stack.state import port_free
from onhand.deploy.stack.workers import Worker
from onhand.schemas.faults import Retryable

_USUAL_PORT = 8080
_HERE = "127.0.0.1"


@dataclass(slots=True)
class Gateway(Worker):
    """One gateway process. `given`: the port that it must have; else the usual one if it is free, else any."""

    role: str = "gateway"
    number: int = 1
    env: dict[str, str] = field(default_factory=dict)
    given: int | None = None
    _port: int = _USUAL_PORT

    def prepare(self, report: Report) -> None:
        """See to it that the database knows the key of this state directory; a revoked one stays revoked."""
        try:
            asyncio.run(_add(self.env["ONHAND_POSTGRES"], self))
        except Retryable as fault:
            raise StackError(f"the API key cannot be stored: {fault}") from fault

    @property
    def endpoint(self) -> dict[str, str]:
        """Where it listens, and a key to all of it."""
        host = self.env.get("ONHAND_GATEWAY_HOST") or _HERE
        where = _HERE if host in ("0.0.0.0", "::", "localhost") else f"[{host}]" if ":" in host else host
        return {"gateway": f"http://{where}:{self._port}", "api_key": kept_key(self.state).key}

    def words(self) -> list[str]:
        """What is said to `onhand`."""
        return ["gateway"]

    def extra(self) -> dict[str, str]:
        """A port that is free just now."""
        if self.given:
            self._port = self.given
        elif not port_free(self._port):
            self._port = self.state.ports(["gateway"], {})["gateway"]
        return {"ONHAND_GATEWAY_PORT": str(self._port)}


async def _add(dsn: str, gateway: Gateway) -> None:
    from onhand.sql.api_keys import ApiKeys
    from onhand.sql.pool import Pool

    pool = Pool(dsn, connections=1)
    try:
        await pool.open()
        await ApiKeys(pool).add(kept_key(gateway.state))
    finally:
        await pool.close()
