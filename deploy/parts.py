"""The parts of the stack, one by one, as containers run them: `onhand migrate`, `topics`, `worker`, `gateway`."""

from pathlib import Path
from typing import Annotated

import typer

from onhand.deploy.options import DEFAULT_STATE, Json, Port, State, show

app = typer.Typer()


@app.command()
def migrate(state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Bring the ledger's tables and functions up to date."""
    from onhand.deploy.stack.reach import settings_at
    from onhand.sql.migrate import migrate as run

    done = run(settings_at(state, needed=["postgres"]).postgres.get_secret_value())
    applied = [{"number": migration.number, "name": migration.name} for migration in done.migrations]
    lines = [f"applied {each['number']:04} {each['name']}" for each in applied]
    lines += ["made all functions anew"] if done.functions else []
    show({"applied": applied, "functions": bool(done.functions)}, lines, as_json)


@app.command()
def topics(state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Make the topics, and let each partition be born once."""
    from onhand.agents.births import ensure
    from onhand.deploy.stack.reach import settings_at

    made = ensure(settings_at(state))
    show({"partitions": made.partitions}, [f"{made.partitions} partitions"], as_json)


@app.command()
def worker(role: Annotated[str, typer.Argument(help="gate, ledger or router")], state: State = DEFAULT_STATE) -> None:
    """Run one worker in the foreground until SIGTERM, as a container would."""
    from onhand.agents.worker import ROLES, run
    from onhand.deploy.stack.reach import signing_settings_at

    if role not in ROLES:
        raise typer.BadParameter(f"{role!r} is none of {', '.join(ROLES)}", param_hint="ROLE")
    signing_settings_at(state)  # what is wrong there is told in a line
    _take_the_environment(state)
    raise typer.Exit(run(role))


@app.command()
def gateway(state: State = DEFAULT_STATE, port: Port = None) -> None:
    """Run one gateway in the foreground until SIGTERM, as a container would."""
    import os

    from onhand.agents.gateway.serving import run
    from onhand.deploy.stack.reach import settings_at

    settings_at(state)  # what is wrong there is told in a line
    _take_the_environment(state)
    if port:
        os.environ["ONHAND_GATEWAY_PORT"] = str(port)
    raise typer.Exit(run())


def _take_the_environment(state: Path) -> None:
    """Of who runs a part of the stack in this process; variables that are empty are not set."""
    import os

    from onhand.deploy.stack.reach import environment_of

    environment = environment_of(state)
    os.environ.clear()
    os.environ |= environment
