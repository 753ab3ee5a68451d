"""Every kind of figure is measured, and what it counts adds up; how fast it is, is no test."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from onhand.deploy.bench import figures
from onhand.deploy.bench.expiry import measure_expiry
from onhand.deploy.bench.figures import Figure, Latency, Rate, Ratio
from onhand.deploy.bench.gate import filled, measure_gate, measure_ratio
from onhand.deploy.bench.ground import Ground, quiet, throw_away
from onhand.deploy.bench.http import Pressure, measure_http
from onhand.deploy.bench.latency import measure_latency
from onhand.deploy.bench.ledger import measure_ledger, measure_together
from onhand.deploy.bench.load import Load

WIDE = Load("WIDE", 20, 300, mix=True)
HOT = Load("HOT", 1, 300, mix=True)
TRAFFIC = 50
PRESSURE = Pressure(reserves_per_s=100, commits_per_s=50, steady_s=1, reads_s=0.5, lines=600, warm_up=20)


class Measured(NamedTuple):
    gate: Rate
    plain: Rate
    ratio: Ratio
    ledger: Rate
    together: Rate
    decisions: Latency
    commits: Latency
    expiries: Latency
    expiry: Rate
    http_reserves: Latency
    http_commits: Latency
    http_reads: Rate
    http_batch: Rate


@pytest.fixture(scope="module")
def measured() -> Measured:
    """One of each kind, on one stack."""
    with throw_away(quiet) as ground:
        return Measured(*_everything(ground))  # type: ignore[arg-type]


def _everything(ground: Ground) -> Iterator[Figure]:
    place = filled(ground, WIDE)
    gate = measure_gate(ground, place)
    yield gate
    yield from measure_ratio(ground, place, gate, WIDE.positions)
    yield measure_ledger(ground, place)
    yield measure_together(ground, filled(ground, HOT))
    yield from measure_latency(ground, 100, TRAFFIC)
    yield from measure_expiry(ground, 20, 100, 100, 1, lead_ms=1_500)
    yield from measure_http(ground, PRESSURE)


def test_the_gate_decided_each_command_once(measured: Measured) -> None:
    decided = measured.gate.verified
    assert sum(decided.values()) == WIDE.total
    assert decided.keys() == {"applied", "reserved", "committed", "released"}
    assert decided["applied"] >= WIDE.positions


def test_the_ledger_announced_what_was_decided(measured: Measured) -> None:
    decided, announced = measured.gate.verified, measured.ledger.verified
    assert announced["movement.recorded"] == decided["applied"]
    assert announced["reservation.committed"] == decided["committed"]
    assert WIDE.positions <= announced["stock.changed"] <= WIDE.total
    assert measured.together.verified["stock.changed"] >= 1


def test_rates_and_ratio_are_of_what_was_counted(measured: Measured) -> None:
    for rate in (
        measured.gate,
        measured.plain,
        measured.ledger,
        measured.together,
        measured.expiry,
        measured.http_reads,
        measured.http_batch,
    ):
        assert rate.count > 0
        assert rate.per_s == pytest.approx(rate.count / rate.seconds)
    assert measured.ratio.ratio == pytest.approx(measured.gate.per_s / measured.plain.per_s)


def test_every_event_of_the_traffic_was_heard(measured: Measured) -> None:
    assert (measured.decisions.count, measured.commits.count, measured.expiries.count) == (2 * TRAFFIC, TRAFFIC, 100)
    for latency in (measured.decisions, measured.commits, measured.expiries):
        assert latency.p50_ms <= latency.p99_ms <= latency.max_ms
    assert measured.decisions.p50_ms > 0


def test_every_call_over_http_was_answered(measured: Measured) -> None:
    assert (measured.http_reserves.count, measured.http_commits.count) == (100, 50)
    for latency in (measured.http_reserves, measured.http_commits):
        assert 0 < latency.p50_ms <= latency.p99_ms <= latency.max_ms
    assert measured.http_reads.count >= 100
    assert measured.http_reads.count % 100 == 0
    assert measured.http_batch.count == 600


def test_cpu_is_told_by_process(measured: Measured) -> None:
    servers = {"kafka", "redis", "postgres", "elsewhere"}
    assert measured.gate.cpu_us.keys() == servers | {"gate"}
    assert measured.plain.cpu_us.keys() == servers | {"plain"}
    assert measured.ledger.cpu_us.keys() == servers | {"ledger"}
    assert measured.together.cpu_us.keys() == servers | {"gate", "ledger"}
    for figure in (measured.http_reserves, measured.http_commits, measured.http_reads, measured.http_batch):
        assert figure.cpu_us.keys() == servers | {"gateway", "gate", "ledger"}


def test_they_are_shown_as_json_and_as_a_table(measured: Measured) -> None:
    shown = json.loads(json.dumps(figures.as_json(measured)))
    assert [row["bench"] for row in shown] == [figure.bench for figure in measured]
    assert figures.table(measured).row_count == len(measured)
