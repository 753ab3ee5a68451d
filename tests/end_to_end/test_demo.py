"""The demo, small: a flash sale with a killed worker ends, and the audit is clean."""

import json

import pytest

from onhand.deploy.demo.program import run
from onhand.deploy.stack import Stack


def test_a_flash_sale_with_a_killed_worker(system: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(system.state.root, as_json=True, seed=5, shoppers=2_500) == 0
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
