"""The servers from containers, for machines with Docker: ONHAND_TEST_STACK=docker."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def docker_servers() -> Iterator[dict[str, str]]:
    """The environment that makes a Stack use containers. Skips with the reason where Docker has no engine."""
    _skip_without_an_engine()
    from testcontainers.community.kafka import KafkaContainer
    from testcontainers.community.postgres import PostgresContainer
    from testcontainers.community.valkey import ValkeyContainer

    kafka = (
        KafkaContainer("confluentinc/cp-kafka:8.0.0").with_kraft().with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
    )
    store = ValkeyContainer("valkey/valkey:9").with_command(
        "valkey-server --appendonly yes --maxmemory-policy noeviction"
    )
    with kafka, store, PostgresContainer("postgres:18", driver=None) as postgres:
        yield dict(os.environ) | {
            "ONHAND_KAFKA": kafka.get_bootstrap_server(),
            "ONHAND_REDIS": f"redis://{store.get_host()}:{store.get_exposed_port()}/0",
            "ONHAND_POSTGRES": postgres.get_connection_url(),
        }


def _skip_without_an_engine() -> None:
    import docker

    try:
        docker.from_env().ping()
    except docker.errors.DockerException as reason:
        pytest.skip(f"ONHAND_TEST_STACK=docker, but Docker has no engine here: {reason}")
