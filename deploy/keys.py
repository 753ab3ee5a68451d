"""`onhand keys`: API keys of the gateway."""

import json
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from onhand.deploy.stack.errors import Refused

if TYPE_CHECKING:
    from onhand.sql.api_keys import ApiKeys

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys of the gateway.")

State = Annotated[Path, typer.Option("--state", help="The state directory.", envvar="ONHAND_STATE", show_envvar=False)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Scopes = Annotated[list[str], typer.Option("--scope", help="read, reserve, move or admin; several times for several.")]
DEFAULT_STATE = Path(".onhand")

T = TypeVar("T")


@app.command()
def create(scope: Scopes, state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Make a key. It is printed this once; stored is its hash."""
    from onhand.sql.api_keys import new_key

    try:
        key = new_key(scope)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--scope") from None
    _with_keys(state, lambda keys: keys.add(key))
    typer.echo(json.dumps(key._asdict()) if as_json else key.key)


@app.command("list")
def list_(state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Show which keys were made and which open anything still."""
    rows = _with_keys(state, lambda keys: keys.list())
    if as_json:
        typer.echo(json.dumps([row.told() for row in rows]))
        return
    for row in rows:
        ended = f"revoked {row.revoked_at:%F %T}" if row.revoked_at else ""
        typer.echo(f"{row.id}  {row.created_at:%F %T}  {','.join(row.scopes)}  {ended}".rstrip())


@app.command()
def revoke(
    id: Annotated[uuid.UUID, typer.Argument(metavar="ID", help="As `onhand keys list` shows it.")],
    state: State = DEFAULT_STATE,
    as_json: Json = False,
) -> None:
    """End a key; within seconds it opens nothing any more."""
    if not _with_keys(state, lambda keys: keys.revoke(id)):
        raise Refused(f"there is no key {id} that opens anything")
    typer.echo(json.dumps({"id": str(id)}) if as_json else f"revoked {id}")


def _with_keys(state: Path, do: "Callable[[ApiKeys], Awaitable[T]]") -> T:
    import asyncio

    from onhand.deploy.stack.reach import settings_at
    from onhand.sql.api_keys import ApiKeys
    from onhand.sql.pool import Pool

    async def run() -> T:
        pool = Pool(settings_at(state, needed=["postgres"]).postgres.get_secret_value(), connections=1)
        try:
            await pool.open()
            return await do(ApiKeys(pool))
        finally:
            await pool.close()

    return asyncio.run(run())
