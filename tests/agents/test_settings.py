"""Settings: every address that is promised, errors that name the field, secrets that are never shown."""

import signal
from typing import Any

import pytest
from pydantic import ValidationError

from onhand.agents import probes
from onhand.agents.settings import Kafka, Settings

SECRET = "s3cret/and more"
ADDRESS = "kafka+ssl://shop:s3cret%2Fand%20more@a.example:9093,b.example:9093"


def settings(**values: Any) -> Settings:
    return Settings.model_validate(values)


def test_plain_servers() -> None:
    kafka = Kafka.parse("a:9092,b:9092")
    assert kafka.aiokafka() == {"bootstrap_servers": "a:9092,b:9092", "security_protocol": "PLAINTEXT"}
    assert kafka.librdkafka() == {"bootstrap.servers": "a:9092,b:9092", "security.protocol": "PLAINTEXT"}


def test_tls_with_a_password() -> None:
    kafka = Kafka.parse(ADDRESS)
    options, config = kafka.aiokafka(), kafka.librdkafka()
    assert options["ssl_context"].check_hostname
    assert (options["security_protocol"], options["sasl_plain_password"]) == ("SASL_SSL", SECRET)
    assert (config["security.protocol"], config["sasl.password"]) == ("SASL_SSL", SECRET)
    assert Kafka.parse("kafka+ssl://a:9093?ca=/etc/ca.pem").librdkafka()["ssl.ca.location"] == "/etc/ca.pem"


@pytest.mark.parametrize(
    "address",
    ["", "a", "a:b", "http://a:1", "kafka+ssl://a", f"kafka+ssl://shop:{SECRET}@a:1?cert=x", "kafka+ssl://shop@a:1"],
)
def test_an_address_that_cannot_be_is_refused_without_its_password(address: str) -> None:
    with pytest.raises(ValueError, match="kafka") as refused:
        Kafka.parse(address)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kafka", f"kafka+ssl://shop:{SECRET}@a"),
        ("secret", f"k1:{SECRET}"),
        ("lock_nodes", f"redis://:{SECRET}@a:1/0,{SECRET}"),
        ("lock_nodes", "redis://:s3cret@a:1/0, redis://:s3cret@a:1/0"),
        ("lock_nodes", "redis://:s3cret@a:1/0,"),
        ("lock_nodes", "redis://:s3cret@a:port/0"),
        ("partitions", 0),
        ("window_ms", 999),
        ("sweep_limit", 501),
        ("metrics_port", 70_000),
    ],
)
def test_an_error_names_the_field_and_never_the_value(field: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=field) as refused:
        settings(**{field: value})
    assert "s3cret" not in str(refused.value)


def test_secrets_are_not_shown() -> None:
    shown = repr(settings(kafka=ADDRESS, redis=f"redis://:{SECRET}@a:1/0", postgres=f"postgresql://u:{SECRET}@a/b"))
    assert SECRET not in shown
    assert "s3cret" not in shown


def test_lock_nodes_are_urls_with_commas_between_them() -> None:
    assert settings().lock_urls == ()
    two = settings(lock_nodes="redis://:s3cret@a:1/0, rediss://b:2/0")
    assert two.lock_urls == ("redis://:s3cret@a:1/0", "rediss://b:2/0")
    assert "s3cret" not in repr(two)


def test_without_a_secret_there_is_no_keyring() -> None:
    with pytest.raises(ValueError, match="ONHAND_SECRET"):
        _ = settings().keyring
    assert settings(secret="new:" + "5a" * 32 + ",old:" + "00" * 32).keyring.sign(b"x").startswith("v1;new;")


def test_a_probe_kills_at_the_point_and_the_time_that_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(probes.os, "kill", lambda pid, number: killed.append(number))
    probe = probes.deadly_probe("after_script:3")
    for point in ("after_script", "before_script", "after_script", "after_publish"):
        probe(point)  # type: ignore[arg-type]
    assert killed == []
    probe("after_script")
    assert killed == [signal.SIGKILL]
