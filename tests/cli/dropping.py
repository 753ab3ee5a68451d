"""A network that loses answers: what comes in is handed to the gateway, and of some calls nothing comes back."""

import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class Dropping:
    """Listens before a gateway; the answers of the first `losses` calls are lost, the calls are not."""

    def __init__(self, gateway: str, losses: int) -> None:
        url = urlsplit(gateway)
        self._gateway = url.hostname, url.port
        self._losses = losses
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.bodies: list[bytes] = []
        """What was sent, call by call."""
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listening.accept()
            except OSError:  # the end
                return
            with caller, socket.create_connection(self._gateway, 10) as gateway:
                answer = self._asked(caller, gateway)
                if len(self.bodies) > self._losses:
                    caller.sendall(answer)

    def _asked(self, caller: socket.socket, gateway: socket.socket) -> bytes:
        """The whole answer to one call."""
        request, response = caller.makefile("rb"), gateway.makefile("rb")
        head, body = _message(request)
        self.bodies.append(body)
        gateway.sendall(head + body)
        return b"".join(_message(response))


def _message(stream: "socket.SocketIO | object") -> tuple[bytes, bytes]:
    """The head and the body of an HTTP message that tells its length."""
    head, length = b"", 0
    while (line := stream.readline()).strip():  # type: ignore[attr-defined]
        head += line
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return head + b"\r\n", stream.read(length)  # type: ignore[attr-defined]
