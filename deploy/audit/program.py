"""`onhand audit`: reads gate and ledger at their marks, decides the log again up to there, and compares.

It may run on a live system: nothing is locked, each store is compared at the moment that it shows.
"""

import sys
import time
from contextlib import closing

from redis import Redis
from rich.console import Console

from onhand.agents.settings import Settings
from onhand.deploy.audit import faults, report
from onhand.deploy.audit.auditor import Auditor, Progress
from onhand.deploy.audit.findings import Findings
from onhand.deploy.audit.log_view import Logs
from onhand.schemas.faults import Retryable


def run(settings: Settings, json: bool = False) -> int:
    """Audits and prints; 0 nothing differs, 1 something does, 3 a server is away."""
    started = time.monotonic()
    console = Console()
    try:
        with Console(stderr=True).status("audit") as status:
            findings = audit(settings, lambda text: status.update(f"audit: {text}"))
    except Retryable as error:
        print(f"onhand audit: {error}", file=sys.stderr)
        return 3
    seconds = time.monotonic() - started
    if json:
        print(report.as_json(findings, seconds))
    else:
        report.show(findings, seconds, console)
    return 0 if findings.clean else 1


def audit(settings: Settings, progress: Progress = lambda text: None) -> Findings:
    """Everything that was found. `Retryable` where a server is away or refuses to be read."""
    with (
        faults.told(),
        closing(Logs(settings.broker.librdkafka())) as logs,
        Redis.from_url(settings.redis.get_secret_value()) as redis,
    ):
        return Auditor(settings, logs, redis, progress).run()
