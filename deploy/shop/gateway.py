"""The gateway's caller: POSTs that are sent again after a lost connection, and answers as they are."""

import json
import os
import re
import time
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from onhand.deploy.stack.errors import StackError, Usage
from onhand.deploy.stack.state import read_json

_TIMEOUT_S = 30.0
"""Longer than the gateway itself waits for a decision."""
_PATIENCE_S = 15.0
"""So long a call whose connection was lost is sent again: a gateway that died is started again meanwhile."""
_PAUSE_S = 0.3
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


class Answer(NamedTuple):
    """What the gateway said; `body` is its JSON."""

    status: int
    body: Any


class Gateway:
    """One gateway, and the API key that opens it, which no error ever shows."""

    def __init__(self, url: str, key: str) -> None:
        self._url = urlsplit(url)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, path: str, body: Any, again: str) -> Answer:
        """The answer to a POST below ``/api/v1/inventory``. The body must be one that may come twice.

        `StackError` where there is none; where it may have been done all the same, the error says so, and how one learns it: `again`.
        """
        until, sent, lost = time.monotonic() + _PATIENCE_S, False, False
        while True:
            try:
                connection = self._connected()
                sent = True
                answer, pause_s = self._asked(connection, path, body)
                # a lock that is held after a lost answer may be that of the call itself, which goes on
                is_busy = answer.status == 429 or (answer.status == 423 and lost)
                if not is_busy or time.monotonic() + pause_s > until:
                    return answer
            except (OSError, HTTPException) as fault:
                if not sent:
                    raise StackError(f"no gateway at {self.place} ({_why(fault)}): is `onhand up` running?") from None
                lost = True
                if time.monotonic() > until:
                    raise StackError(f"the connection to {self.place} was lost ({_why(fault)}); {again}") from None
                pause_s = _PAUSE_S
            time.sleep(pause_s)

    def address(self, path: str) -> str:
        """The URL of a path below ``/api/v1/inventory``."""
        return f"{self.place}{self._path(path)}"

    def _path(self, path: str) -> str:
        return f"{self._url.path.rstrip('/')}/api/v1/inventory/{path}"

    @property
    def place(self) -> str:
        """Where it is, without the path."""
        return f"{self._url.scheme}://{self._url.netloc}"

    def _connected(self) -> HTTPConnection:
        kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=_TIMEOUT_S)
        connection.connect()
        return connection

    def _asked(self, connection: HTTPConnection, path: str, body: Any) -> tuple[Answer, float]:
        """The answer, and how many seconds to wait where it says that we call too often."""
        try:
            connection.request("POST", self._path(path), json.dumps(body).encode(), self.headers)
            response = connection.getresponse()
            raw, wait = response.read(), response.headers.get("Retry-After", "")
        finally:
            connection.close()
        try:
            return Answer(response.status, json.loads(raw)), float(wait) if wait.isdigit() else _PAUSE_S
        except ValueError:
            raise StackError(f"{self.place} is no gateway of onhand: {response.status}, and not JSON") from None


def gateway_at(state: Path, environment: Mapping[str, str] = os.environ) -> Gateway:
    """The gateway of ONHAND_GATEWAY and ONHAND_API_KEY, else of the stack in this directory; `StackError` where there is none."""
    url, key = environment.get("ONHAND_GATEWAY"), environment.get("ONHAND_API_KEY")
    if url and not key:  # the stack's own key is not for strangers
        raise Usage("ONHAND_GATEWAY is set, and ONHAND_API_KEY is not")
    if not url:
        told = read_json(state / "endpoints.json") if (state / "endpoints.json").exists() else {}
        if "gateway" not in told:
            raise StackError(f"no gateway runs in {state.absolute()}: `onhand up` starts one, ONHAND_GATEWAY names one")
        url, key = str(told["gateway"]), key or str(told.get("api_key", ""))
    if not _is_url(url):
        raise Usage("ONHAND_GATEWAY is not of the form http://host:port")
    if not key or not _KEY.fullmatch(key):
        raise Usage("ONHAND_API_KEY is not an API key")
    return Gateway(url, key)


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        known = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        return known and url.username is None and url.path.isascii() and not re.search(r"[\s?#]", text)
    except ValueError:  # of a port or an address that is none
        return False


def _why(fault: Exception) -> str:
    words = fault.strerror if isinstance(fault, OSError) else None
    return (words or str(fault) or type(fault).__name__).lower()
