"""The demo, small: a flash sale with a killed worker ends, and the audit is clean, in the middle and at the end."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from onhand.deploy.audit.program import audit
from onhand.deploy.demo.program import load_stock, run
from onhand.deploy.stack import Stack
from onhand.deploy.stack.reach import settings_at


def test_a_flash_sale_with_a_killed_worker(system: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(1) as aside:
        sale_ends = aside.submit(run, system.state.root, as_json=True, seed=5, shoppers=2_500)
        audits = 0
        while not sale_ends.done():
            found = audit(settings_at(system.state.root))
            assert found.differences == [], "while the system runs, too"
            audits += 1
    assert sale_ends.result() == 0
    assert audits > 1
    told = json.loads(capsys.readouterr().out)
    sale = told["sale"]
    ends = [sale["paid"], sale["cancelled"], sale["expired"]]
    assert sum(ends) == sale["reserved"]
    assert min(ends) > 0
    assert sale["repeats"] > 0
    assert sale["reserved"] + sale["sold out"] == 2_500
    assert "SIGKILL" in sale["outage 1"]
    assert "started again" in sale["outage 2"]
    assert told["audit"]["clean"] is True
    assert told["audit"]["compared"]["decision"] > 2_500


def test_stock_that_is_sent_again_is_not_received_again(system: Stack) -> None:
    settings, now_ms = settings_at(system.state.root), time.time_ns() // 1_000_000
    assert load_stock(settings, now_ms, lambda: False) > 0
    assert load_stock(settings, now_ms, lambda: False) == 0
