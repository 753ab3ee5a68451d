"""Requests made of the OpenAPI document, right and wrong ones: the gateway answers as the document says, and never with a 500.

Some 250 of them in a run of the suite; where ONHAND_TEST_SEEDS is set every boundary of every field, too (1,700).
"""

import os
import subprocess
import sys
from pathlib import Path

from onhand.deploy.stack import Stack

CONFIG = """
headers = { Authorization = "Bearer ${ONHAND_TEST_KEY}" }

[checks.positive_data_acceptance]
enabled = false  # JSON Schema takes 1.0 for an integer; a quantity is none
"""


def test_the_gateway_is_as_its_document_says(system: Stack, tmp_path: Path) -> None:
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    words = ["--config-file", str(config), "run", f"{system.endpoints['gateway']}/openapi.json", "--seed", "1"]
    phases = "examples,coverage,fuzzing" if "ONHAND_TEST_SEEDS" in os.environ else "examples,fuzzing"
    words += ["--max-examples", "8", "--phases", phases, "--no-color"]
    words += ["--generation-database", ":memory:", "--exclude-path", "/metrics"]
    words += ["--exclude-path", "/api/v1/inventory/batch"]  # whose lines are wrong or right one by one, with 200
    run = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), *words],
        env=os.environ | {"ONHAND_TEST_KEY": system.endpoints["api_key"]}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6_000:] + run.stderr[-2_000:]
