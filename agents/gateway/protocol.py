"""HTTP as uvicorn speaks it, with limits of what comes before a body: its parser would keep headers without end."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from onhand.agents.gateway.problems import MEDIA_TYPE, Problem

MAX_HEAD_BYTES = 32 * 1024
"""Of the request line and all headers."""
_HEAD_S = 10.0


class BoundedProtocol(HttpToolsProtocol):
    """A connection. A request whose headers are too long or too slow is refused, and the connection ends."""

    _head_bytes = 0
    _in_head = True
    _too_slow: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Headers are to come."""
        super().connection_made(transport)
        self._too_slow = self.loop.call_later(_HEAD_S, self._end)

    def data_received(self, data: bytes) -> None:
        """Bytes came; those of a body are counted elsewhere."""
        super().data_received(data)
        if self._in_head and self.parser is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(Problem(431, "too-large", f"the headers are larger than {MAX_HEAD_BYTES} bytes"))

    def on_message_begin(self) -> None:
        """The first byte of a request was read."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        if self._too_slow is None:
            self._too_slow = self.loop.call_later(_HEAD_S, self._end)

    def on_headers_complete(self) -> None:
        """What follows is the body, or the next request."""
        self._in_head = False
        self._cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._cancel()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        self._refuse(Problem(400, "malformed", msg))

    def _refuse(self, problem: Problem) -> None:
        body = bytes(problem.response().body)
        head = f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[problem.status] + head.encode() + body)
        self._end()

    def _end(self) -> None:
        self._cancel()
        self.transport.close()

    def _cancel(self) -> None:
        if self._too_slow is not None:
            self._too_slow.cancel()
            self._too_slow = None
