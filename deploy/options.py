"""Options that commands have in common, and how they print."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

State = Annotated[Path, typer.Option("--state", help="The state directory.", envvar="ONHAND_STATE", show_envvar=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Listen on this port.", show_default=False)]
DEFAULT_STATE = Path(".onhand")


def show(told: dict[str, Any], lines: list[str], as_json: bool) -> None:
    """Print that as JSON, or as these lines."""
    for line in [json.dumps(told)] if as_json else lines:
        typer.echo(line)
