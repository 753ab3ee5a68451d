"""The `onhand` command. What a command needs is imported inside it, so that `onhand --help` is quick.

Exit codes: 0 done, 1 refused or a difference found, 2 wrong usage, 3 a server is away.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from onhand.deploy.bench.cli import app as bench
from onhand.deploy.help import Sections
from onhand.deploy.keys import app as keys
from onhand.deploy.options import DEFAULT_STATE, Json, Port, State, show
from onhand.deploy.parts import app as parts
from onhand.deploy.shop.cli import app as shop
from onhand.deploy.stack.errors import Refused, StackError, Usage
from onhand.deploy.why.cli import app as why
from onhand.schemas.faults import Corrupt, Retryable

app = typer.Typer(cls=Sections, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, help=(
    "An inventory engine that never sells what it does not have."
))  # fmt: skip


@app.command()
def up(
    state: State = DEFAULT_STATE,
    detach: Annotated[bool, typer.Option("--detach", help="Go to the background once all is ready.")] = False,
    workers: Annotated[int | None, typer.Option(min=0, help="Gate workers; by default what fits the cores.")] = None,
    kafka_port: Port = None,
    redis_port: Port = None,
    postgres_port: Port = None,
    gateway_port: Port = None,
    lock_nodes: Annotated[bool, typer.Option("--lock-nodes", help="Five nodes for the operators' locks, too.")] = False,
    demo_stock: Annotated[bool, typer.Option("--demo-stock", help="Receive the demo's stock, once.")] = False,
    as_json: Json = False,
) -> None:
    """Start everything on this machine: servers, tables, topics, workers, gateway."""
    import os

    from onhand.deploy.stack import foreground
    from onhand.deploy.stack.reach import settings_of
    from onhand.deploy.stack.state import StateDir
    from onhand.deploy.stack.supervisor import Options

    settings_of(os.environ)  # what is wrong there is told before anything is started
    given = {"kafka": kafka_port, "redis": redis_port, "postgres": postgres_port, "gateway": gateway_port}
    ports = {name: port for name, port in given.items() if port}
    if not detach:

        def ready(endpoints: dict[str, Any], stopping: Callable[[], bool]) -> None:
            if demo_stock:
                _receive_the_demos_stock(state, stopping)
            if not stopping():
                _print_endpoints(endpoints, state, as_json)

        foreground.run_until_stopped(
            StateDir.at(state), Options(gates=workers, ports=ports, lock_nodes=lock_nodes), ready
        )
        return
    _end_by_sigterm_as_by_ctrl_c()
    arguments = [] if workers is None else ["--workers", str(workers)]
    arguments += [word for name, port in ports.items() for word in (f"--{name}-port", str(port))]
    arguments += ["--lock-nodes"] * lock_nodes
    endpoints = foreground.detach(StateDir.at(state), arguments)
    if demo_stock:
        _receive_the_demos_stock(state, lambda: False)
    _print_endpoints(endpoints, state, as_json)


@app.command()
def down(state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Stop what `up` started; the data stays."""
    from onhand.deploy.stack.down import stop
    from onhand.deploy.stack.state import StateDir

    stopped = (state / "logs").exists() and stop(StateDir.at(state))
    if as_json:
        typer.echo(json.dumps({"stopped": stopped}))
    elif not stopped:
        typer.echo(f"nothing runs in {state.absolute()}", err=True)


@app.command()
def status(state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Show what runs, and how far gate and ledger are in each partition."""
    from onhand.deploy.stack import status as look

    processes = look.processes(state)
    try:
        partitions, requests = look.partitions(state), look.requests(state)
    except (StackError, Retryable) as away:
        look.show(processes, [], [], as_json)
        raise away
    look.show(processes, partitions, requests, as_json)


@app.command()
def audit(state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Decide the log again and compare it with decisions, gate and ledger; 1 on any difference."""
    from onhand.deploy.audit.program import run
    from onhand.deploy.stack.reach import signing_settings_at

    raise typer.Exit(run(signing_settings_at(state), as_json))


@app.command()
def demo(
    context: typer.Context,
    state: State = DEFAULT_STATE,
    fresh: Annotated[bool, typer.Option("--fresh", help="In a stack of its own that is gone afterwards.")] = False,
    as_json: Json = False,
) -> None:
    """Hold a flash sale through the running system and audit it; 1 on any difference."""
    from onhand.deploy.demo import program

    given = context.get_parameter_source("state")
    if fresh and given and given.name == "COMMANDLINE":
        raise typer.BadParameter("--fresh has a directory of its own", param_hint="--state")
    _end_by_sigterm_as_by_ctrl_c()
    raise typer.Exit(program.from_nothing(as_json) if fresh else program.run(state, as_json))


for commands in (shop, why, parts):
    app.add_typer(commands)
app.add_typer(bench, name="bench")
app.add_typer(keys, name="keys")


@app.command()
def resume(
    partition: Annotated[int | None, typer.Option(min=0, help="The partition that an alarm stopped.")] = None,
    requests: Annotated[bool, typer.Option("--requests", help="The router, with the topic that is there now.")] = False,
    state: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """Clear a partition's alarm, once its cause is gone; or let the router pass on requests of a topic that was made anew."""
    from onhand.deploy.stack.resume import clear, pass_on

    if (partition is None) is not requests:
        raise typer.BadParameter("name one of --partition P and --requests", param_hint="--partition")
    if partition is None:
        if not pass_on(state):
            raise Refused("the router has no alarm, and its topic was not made anew")
        return show({"requests": True}, ["the router goes on"], as_json)
    if not clear(state, partition):
        raise Refused(f"partition {partition} has no alarm")
    return show({"partition": partition}, [f"partition {partition} goes on"], as_json)


def _end_by_sigterm_as_by_ctrl_c() -> None:
    """For who has started something that is to be stopped then."""
    import signal

    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _receive_the_demos_stock(state: Path, stopping: Callable[[], bool]) -> None:
    """Once per state directory: another start finds the stock as the last one left it.

    After an interrupted one the next sends the same commands: within the window, what was received is not again.
    """
    import time

    from onhand.deploy.demo.program import load_stock
    from onhand.deploy.stack.reach import settings_at
    from onhand.deploy.stack.state import read_json, write_private

    done, begun = state / "demo-stock", state / "demo-stock.begun"
    if done.exists():
        return
    if not begun.exists():
        write_private(begun, time.time_ns() // 1_000_000)
    try:
        units = load_stock(settings_at(state), read_json(begun), stopping)
    except (StackError, Retryable):
        if stopping():  # the servers may be gone already
            return
        raise
    typer.echo(f"received {units:,} units of the demo's stock", err=True)
    done.touch()


def _print_endpoints(endpoints: dict[str, Any], state: Path, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(endpoints))
        return
    from onhand.deploy.stack import redact

    for name, value in endpoints.items():
        if name not in ("processes", "api_key"):
            typer.echo(f"{name:9} {redact(str(value))}", err=True)
    typer.echo(f"ready; {state.absolute() / 'endpoints.json'} has the passwords and an API key", err=True)


def main() -> None:
    """Run the command; what goes wrong becomes a line on standard error and an exit code."""
    try:
        app()
    except Exception as error:
        code = _exit_code(error)
        if code is None:
            raise
        from onhand.deploy.stack.redaction import redact

        print(f"onhand: {redact(str(error))}", file=sys.stderr)
        sys.exit(code)


def _exit_code(error: Exception) -> int | None:
    if isinstance(error, Usage):
        return 2
    if isinstance(error, (Refused, Corrupt)) or (isinstance(error, OSError) and error.filename):
        return 1
    return 3 if isinstance(error, (StackError, Retryable)) else None


if __name__ == "__main__":
    main()
