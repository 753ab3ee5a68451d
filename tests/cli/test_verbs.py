"""The verbs on the command line: what they do, print and refuse."""

import json
import uuid
from pathlib import Path

import pytest

from onhand.deploy.stack import Stack
from tests.cli.conftest import Onhand, run
from tests.cli.dropping import Dropping
from tests.gateway.process import OwnGateway, Paused


def test_receive_reserve_commit(onhand: Onhand, sku: str) -> None:
    received = onhand("receive", sku, 1, 10, "--reference", "po-7", "--actor", "anna", "--json").json
    assert (received["outcome"], received["available_qty"], received["version"]) == ("applied", 10, 1)
    assert received["reference_id"] == "po-7"
    reserved = onhand("reserve", sku, 1, 4, "--ttl", "15m", "--channel", "web", "--order", "o-1", "--json").json
    assert (reserved["status"], reserved["ttl_s"]) == ("active", 900)
    id = reserved["reservation_id"]
    extended = onhand("extend", id, "--ttl", "1h", "--json").json
    assert extended["expires_at"] > reserved["expires_at"]
    for _ in range(2):
        assert onhand("commit", id, "--json").json == {"reservation_id": id, "status": "committed"}
    shelf = onhand("availability", sku, "--json").json[sku]
    assert [(each["warehouse_id"], each["available_qty"]) for each in shelf] == [(1, 6)]


def test_piped_they_print_plain_lines(onhand: Onhand, sku: str) -> None:
    assert onhand("receive", sku, 1, 1_000) == (0, f"{sku}\t1\t1000\t0\t1000\t1\n", "")
    id = onhand("reserve", sku, 1, 1).out
    assert str(uuid.UUID(id.strip())) + "\n" == id
    assert onhand("release", id.strip()).out == f"{id.strip()}\treleased\n"
    assert onhand("commit", onhand("reserve", sku, 1, 1).out.strip()).code == 0
    shelf, unknown = onhand("availability", sku, "NOBODYS-SKU"), "NOBODYS-SKU: never had any stock\n"
    assert shelf == (0, f"{sku}\t1\t999\t-\tgate\n", unknown)


def test_movements(onhand: Onhand, sku: str) -> None:
    def total(*words: object) -> tuple[int, int]:
        told = onhand(*words, "--json").json
        return told["warehouse_id"], told["total_qty"]

    assert total("receive", sku, 1, 10) == (1, 10)
    assert total("return", sku, 1, 2) == (1, 12)
    assert total("ship", sku, 1, 1) == (1, 11)
    assert total("adjust", sku, 1, -3, "--reason", "broken") == (1, 8)
    assert total("count", sku, 1, 9) == (1, 9)
    assert total("transfer", sku, 1, 2, 4) == (2, 4)
    transfer = onhand("transfer", sku, 1, 2, 5, "--dispatch", "--expected", "2099-01-31").out.strip()
    assert total("arrive", transfer, sku, 2, 2, "--partial") == (2, 6)
    assert total("arrive", transfer, sku, 2, 3) == (2, 9)
    assert total("count", sku, 1, 0) == (1, 0)


def test_an_order_by_lines_is_all_or_none(onhand: Onhand, sku: str) -> None:
    onhand("receive", sku, 1, 3)
    onhand("receive", sku, 2, 3)
    order = ["reserve", "--line", f"{sku}:1=3", "--line"]
    refused = onhand(*order, f"{sku}:2=4")
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.splitlines() == [
        "onhand: refused, insufficient_stock: there is not enough",
        f"  {sku} at warehouse 2: 4 wished, 3 available",
    ]
    reserved = onhand(*order, f"{sku}:2=3", "--json").json
    assert [(line["warehouse_id"], line["quantity"]) for line in reserved["lines"]] == [(1, 3), (2, 3)]
    assert onhand("commit", reserved["reservation_id"]).code == 0


def test_what_is_refused_is_1_in_plain_words(onhand: Onhand, sku: str) -> None:
    onhand("receive", sku, 1, 2)
    id = onhand("reserve", sku, 1, 2).out.strip()
    short = f"  {sku} at warehouse 1: 5 wished, 0 available"
    for words, outcome, line in (
        (("ship", sku, 1, 5), "insufficient_stock", short),
        (("adjust", sku, 1, -5, "--reason", "lost"), "insufficient_stock", short),
        (("count", sku, 1, 1), "count_below_reserved", None),
        (("receive", sku, 1, 1, "--id", id), "id_reused", None),
        (("arrive", uuid.uuid4(), sku, 1, 1), "unknown_transfer", None),
        (("commit", uuid.uuid4()), "unknown_reservation", None),
    ):
        done = onhand(*words)
        first, *rest = done.err.splitlines()
        assert (done.code, done.out, rest) == (1, "", [line] if line else []), words
        assert first.startswith(f"onhand: refused, {outcome}: "), words
    assert onhand("release", id).code == 0
    late = onhand("commit", id, "--json")
    assert (late.code, late.json["outcome"]) == (1, "already_released")
    assert late.err == "onhand: refused, already_released: the reservation was released before\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["receive", "S", "0", "1"], "WAREHOUSE"),
        (["receive", "S", "1", "x"], "QUANTITY"),
        (["receive", "a b", "1", "1"], "SKU"),
        (["receive", "S", "1", "1", "--id", "1"], "--id"),
        (["receive", "S", "1", "1", "--actor", "a\tb"], "--actor"),
        (["adjust", "S", "1", "0", "--reason", "r"], "DELTA"),
        (["adjust", "S", "1", "-1"], "--reason"),
        (["transfer", "S", "1", "1", "5"], "TO"),
        (["transfer", "S", "1", "2", "5", "--expected", "soon"], "--expected"),
        (["reserve"], "SKU"),
        (["reserve", "S", "1"], "QUANTITY"),
        (["reserve", "S", "1", "1", "--ttl", "2d"], "--ttl"),
        (["reserve", "--line", "S:1"], "--line"),
        (["reserve", "--line", "S:99999=1"], "--line"),
        (["reserve", *["--line", "S:1=1"] * 101], "--line"),
        (["reserve", "S", "1", "1", "--channel", "WEB"], "--channel"),
        (["commit", "nonsense"], "RESERVATION"),
        (["availability"], "SKU"),
        (["why", "S", "1", "--at", "yesterday"], "--at"),
        (["why", "S", "70000"], "WAREHOUSE"),
    ],
)
def test_wrong_usage_is_2_and_names_the_argument(words: list[str], named: str, tmp_path: Path) -> None:
    done = run(*words, "--state", str(tmp_path))  # where nothing runs: nothing is sent
    assert (done.code, done.out) == (2, "")
    assert named in done.err.splitlines()[-1], done.err


def test_a_server_that_is_away_is_3_and_says_what_to_do(
    onhand: Onhand, sku: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in (["availability", sku], ["why", sku, 1]):
        nowhere = onhand(*words, "--state", tmp_path)
        assert nowhere.code == 3
        assert "onhand up" in nowhere.err
    monkeypatch.setenv("ONHAND_GATEWAY", "http://127.0.0.1:1")
    assert onhand("availability", sku).code == 2, "the stack's key is not sent to a gateway of others"
    monkeypatch.setenv("ONHAND_API_KEY", "s3cret")
    away = onhand("availability", sku)
    assert (away.code, len(away.err.splitlines())) == (3, 1)
    assert "is `onhand up` running?" in away.err
    monkeypatch.setenv("ONHAND_GATEWAY", "http://someone:s3cret@127.0.0.1:1")
    wrong = onhand("availability", sku)
    assert wrong.code == 2
    assert "s3cret" not in away.err + wrong.err


def test_the_key_is_that_of_the_environment_and_never_shown(
    onhand: Onhand, sku: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, code in (("s3cret", 1), ("s3cret\nX-More: 1", 2)):
        monkeypatch.setenv("ONHAND_API_KEY", key)
        done = onhand("receive", sku, 1, 1)
        assert (done.code, done.out) == (code, "")
        assert "ONHAND_API_KEY" in done.err
        assert "s3cret" not in done.err
    monkeypatch.delenv("ONHAND_API_KEY")
    key = onhand("keys", "create", "--scope", "read").out.strip()
    monkeypatch.setenv("ONHAND_API_KEY", key)
    assert onhand("availability", sku).code == 0
    refused = onhand("receive", sku, 1, 1)
    assert (refused.code, refused.err) == (1, "onhand: the API key does not have the scope move\n")


def test_a_lost_answer_is_asked_for_again_and_nothing_is_done_twice(
    onhand: Onhand, sku: str, system: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONHAND_API_KEY", system.endpoints["api_key"])
    for words, numbers in ((("receive", sku, 1, 5), (5, 0)), (("reserve", sku, 1, 2), (3, 2))):
        with Dropping(system.endpoints["gateway"], losses=2) as network:
            monkeypatch.setenv("ONHAND_GATEWAY", network.url)
            assert onhand(*words).code == 0
        assert len(network.bodies) == 3
        assert len(set(network.bodies)) == 1, "the same id"
        story = onhand("why", sku, 1, "--json").json
        assert (story[-1]["after"]["available_qty"], story[-1]["after"]["reserved_qty"]) == numbers
    monkeypatch.setattr("onhand.deploy.shop.gateway._PATIENCE_S", 0.0)
    with Dropping(system.endpoints["gateway"], losses=1) as network:
        monkeypatch.setenv("ONHAND_GATEWAY", network.url)
        lost = onhand("ship", sku, 1, 1)
    assert lost.code == 3
    id = json.loads(network.bodies[0])["id"]
    assert f"--id {id} tells" in lost.err
    monkeypatch.delenv("ONHAND_GATEWAY")
    told = onhand("ship", sku, 1, 1, "--id", id, "--json").json
    assert (told["available_qty"], told["replayed"]) == (2, True)


def test_no_answer_in_time_is_3_and_the_same_command_tells(
    onhand: Onhand, sku: str, system: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = str(uuid.uuid4())
    with OwnGateway(system, gateway_timeout_s=0.5).serving() as gateway:
        monkeypatch.setenv("ONHAND_GATEWAY", gateway.url)
        monkeypatch.setenv("ONHAND_API_KEY", system.endpoints["api_key"])
        with Paused(system):
            late = onhand("receive", sku, 1, 5, "--id", id)
    monkeypatch.delenv("ONHAND_GATEWAY")
    assert late.code == 3
    assert id in late.err
    told = onhand("receive", sku, 1, 5, "--id", id, "--json").json
    assert (told["available_qty"], told["replayed"]) == (5, True)


def test_help_tells_every_command_once() -> None:
    text = run("--help").out
    for name in ("up", "receive", "reserve", "availability", "why", "audit", "keys", "worker"):
        assert len([line for line in text.splitlines() if line.split()[:1] == [name]]) == 1, name
    assert (
        text.index("up ")
        < text.index("receive ")
        < text.index("reserve ")
        < text.index("why ")
        < text.index("migrate ")
    )
