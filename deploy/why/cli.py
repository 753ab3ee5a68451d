"""`onhand why SKU WAREHOUSE`."""

from typing import Annotated

import typer

from onhand.deploy.options import DEFAULT_STATE, Json, State
from onhand.deploy.shop.arguments import Sku, Warehouse, time_ms

app = typer.Typer()

At = Annotated[
    int | None,
    typer.Option("--at", metavar="TIME", parser=time_ms, help="As it was then: 2026-11-22T14:38:32Z.", show_default=False),
]  # fmt: skip


@app.command()
def why(sku: Sku, warehouse: Warehouse, at: At = None, state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Tell how a position came to hold what it holds: each change and refusal, from the log."""
    from onhand.deploy.stack.reach import settings_at
    from onhand.deploy.why import screen
    from onhand.deploy.why.reading import story_of
    from onhand.schemas.positions import position_key

    position = position_key(sku, warehouse)
    config = settings_at(state, needed=["kafka"]).broker.librdkafka()
    with story_of(config, position, at, screen.progress) as story:
        if as_json:
            screen.tell_json(story)
        else:
            screen.tell(story, position, at)
        screen.warn_of_the_missing_beginning(story)
