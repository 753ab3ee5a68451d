"""Settings of a process, all from environment variables that begin with ``ONHAND_``."""

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from onhand.schemas.signing import Keyring
from onhand.schemas.topics import DEFAULT_PARTITIONS


@dataclass(frozen=True, slots=True)
class Kafka:
    """Where Kafka is: ``host:port,...`` or ``kafka+ssl://user:password@host:port,...?ca=FILE`` (SASL PLAIN over TLS)."""

    servers: str
    tls: bool = False
    user: str | None = None
    password: SecretStr | None = None
    ca: str | None = None

    @staticmethod
    def parse(text: str) -> "Kafka":
        """`ValueError` names what is wrong and never repeats a password."""
        if "://" not in text:
            return Kafka(_servers(text))
        url = urlsplit(text)
        if url.scheme not in ("kafka", "kafka+ssl"):
            raise ValueError("kafka: the scheme must be kafka or kafka+ssl")
        login, _, hosts = url.netloc.rpartition("@")
        user, _, password = login.partition(":")
        unknown = parse_qs(url.query).keys() - {"ca"}
        if unknown:
            raise ValueError(f"kafka: unknown parameter {', '.join(sorted(unknown))}")
        ca = parse_qs(url.query).get("ca", [None])[0]
        if bool(user) != bool(password):
            raise ValueError("kafka: user and password go together")
        secret = SecretStr(unquote(password)) if password else None
        return Kafka(_servers(hosts), url.scheme == "kafka+ssl", unquote(user) or None, secret, ca)

    @property
    def protocol(self) -> str:
        """Kafka's name for how to speak."""
        return ("SASL_" if self.user else "") + ("SSL" if self.tls else "PLAINTEXT")

    def aiokafka(self) -> dict[str, Any]:
        """Arguments of aiokafka's clients."""
        options: dict[str, Any] = {"bootstrap_servers": self.servers, "security_protocol": self.protocol}
        if self.tls:
            options["ssl_context"] = ssl.create_default_context(cafile=self.ca)
        if self.user and self.password:
            options |= {
                "sasl_mechanism": "PLAIN",
                "sasl_plain_username": self.user,
                "sasl_plain_password": self.password.get_secret_value(),
            }
        return options

    def librdkafka(self) -> dict[str, Any]:
        """Configuration of confluent-kafka's clients; logs nothing by itself."""
        options: dict[str, Any] = {"bootstrap.servers": self.servers, "security.protocol": self.protocol}
        if self.ca:
            options["ssl.ca.location"] = self.ca
        if self.user and self.password:
            options |= {
                "sasl.mechanism": "PLAIN",
                "sasl.username": self.user,
                "sasl.password": self.password.get_secret_value(),
            }
        return options


def _servers(text: str) -> str:
    for number, server in enumerate(text.split(","), 1):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdigit():  # by number: behind an unescaped / stands the password where the host should
            raise ValueError(f"kafka: server {number} is not of the form host:port")
    return text


def _urls(text: str) -> tuple[str, ...]:
    return tuple(url.strip() for url in text.split(",")) if text.strip() else ()


def _is_redis(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("redis", "rediss") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # of a port or an address that is none
        return False


class Settings(BaseSettings):
    """What a process needs to know. A field that is wrong is named in the error; secrets are never shown."""

    model_config = SettingsConfigDict(env_prefix="ONHAND_", hide_input_in_errors=True, frozen=True, extra="ignore")

    kafka: SecretStr = SecretStr("127.0.0.1:9092")
    redis: SecretStr = SecretStr("redis://127.0.0.1:6379/0")
    postgres: SecretStr = SecretStr("postgresql://127.0.0.1:5432/onhand")
    secret: SecretStr = SecretStr("")
    lock_nodes: SecretStr = SecretStr("")
    """Independent nodes of the operators' locks, ``redis://...,redis://...``; empty: work goes on unlocked and says so."""
    state: Path = Path(".onhand")
    partitions: int = Field(default=DEFAULT_PARTITIONS, ge=1, le=1024)
    """Of a first start; then the topics tell."""
    window_ms: int = Field(default=600_000, ge=1_000, le=86_400_000)
    """How long ids are remembered; of a partition's birth."""
    sweep_limit: int = Field(default=250, ge=1, le=500)
    """Reservations that one sweep ends at most; of a partition's birth."""
    replication: int = Field(default=1, ge=1, le=9)
    """Replicas of the topics that are made."""
    ready_fd: int | None = None
    metrics_port: int | None = Field(default=None, ge=0, le=65_535)
    gateway_host: str = "127.0.0.1"
    """Where the gateway listens; ``0.0.0.0`` for everybody."""
    gateway_port: int = Field(default=8080, ge=0, le=65_535)
    """0: a free one, which the log tells."""
    gateway_timeout_s: float = Field(default=10.0, gt=0, le=300)
    """So long a call waits for its answer."""
    gateway_rate: int = Field(default=2_000, ge=1, le=1_000_000)
    """Calls of one API key a second, over all gateways; twice as many at once."""
    gateway_drain_s: float = Field(default=0.5, ge=0, le=300)
    """After SIGTERM `/readyz` says 503 at least so long, for balancers to see it, before nobody listens."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("kafka")
    @classmethod
    def _a_kafka(cls, value: SecretStr) -> SecretStr:
        Kafka.parse(value.get_secret_value())
        return value

    @field_validator("secret")
    @classmethod
    def _a_keyring(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            Keyring.parse(value.get_secret_value())
        return value

    @field_validator("lock_nodes")
    @classmethod
    def _lock_nodes(cls, value: SecretStr) -> SecretStr:
        urls = _urls(value.get_secret_value())
        if not all(map(_is_redis, urls)):
            raise ValueError("each must be of the form redis://..., with commas between them")
        if len(set(urls)) < len(urls):
            raise ValueError("the same node twice would have two votes")
        return value

    @cached_property
    def lock_urls(self) -> tuple[str, ...]:
        """The nodes of ``ONHAND_LOCK_NODES``, none where it is not set. With passwords: not for logs."""
        return _urls(self.lock_nodes.get_secret_value())

    @cached_property
    def broker(self) -> Kafka:
        """Kafka's address, parsed."""
        return Kafka.parse(self.kafka.get_secret_value())

    @cached_property
    def keyring(self) -> Keyring:
        """The keys that sign onhand's own records; `ValueError` where ``ONHAND_SECRET`` is not set."""
        if not self.secret.get_secret_value():
            raise ValueError("secret: ONHAND_SECRET is not set (<key id>:<hex key>), and onhand's own records need it")
        return Keyring.parse(self.secret.get_secret_value())
