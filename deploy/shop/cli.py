"""`onhand receive`, `reserve`, `commit` ...: a verb, a function."""

from typing import Annotated, Any

import typer

from onhand.deploy.options import DEFAULT_STATE, Json, State
from onhand.deploy.shop import arguments as given
from onhand.deploy.shop import calls

app = typer.Typer()


@app.command()
def receive(
    sku: given.Sku, warehouse: given.Warehouse, quantity: given.Quantity, reference: given.Reference = None,
    actor: given.Actor = None, id: given.Id = None, state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Units came in."""
    wish = {"sku_id": sku, "warehouse_id": warehouse, "quantity": quantity}
    calls.move(state, as_json, "receive", **wish, reference_id=reference, actor=actor, id=id)


@app.command("return")
def return_(
    sku: given.Sku, warehouse: given.Warehouse, quantity: given.Quantity, reference: given.Reference = None,
    actor: given.Actor = None, id: given.Id = None, state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Units came back from a buyer."""
    wish = {"sku_id": sku, "warehouse_id": warehouse, "quantity": quantity}
    calls.move(state, as_json, "return", **wish, reference_id=reference, actor=actor, id=id)


@app.command()
def ship(
    sku: given.Sku, warehouse: given.Warehouse, quantity: given.Quantity, channel: given.Channel = None,
    reference: given.Reference = None, actor: given.Actor = None, id: given.Id = None,
    state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Sell units directly, without a reservation."""
    wish = {"sku_id": sku, "warehouse_id": warehouse, "quantity": quantity, "channel": channel}
    calls.move(state, as_json, "ship", **wish, reference_id=reference, actor=actor, id=id)


@app.command(context_settings={"ignore_unknown_options": True})  # a negative number is none
def adjust(
    sku: given.Sku, warehouse: given.Warehouse, delta: given.Delta,
    reason: Annotated[str, typer.Option("--reason", help="Why, as `broken`.", show_default=False)],
    reference: given.Reference = None, actor: given.Actor = None, id: given.Id = None,
    state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Correct the stock by some units, up or down."""
    wish = {"sku_id": sku, "warehouse_id": warehouse, "delta": delta, "reason": reason}
    calls.move(state, as_json, "adjust", **wish, reference_id=reference, actor=actor, id=id)


@app.command()
def count(
    sku: given.Sku, warehouse: given.Warehouse, counted: given.Counted, reference: given.Reference = None,
    actor: given.Actor = None, id: given.Id = None, state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Tell what was counted; the total becomes that."""
    wish = {"sku_id": sku, "warehouse_id": warehouse, "counted_qty": counted}
    calls.move(state, as_json, "count", **wish, reference_id=reference, actor=actor, id=id)


@app.command()
def transfer(
    sku: given.Sku, from_: given.FromWarehouse, to: given.ToWarehouse, quantity: given.Quantity,
    dispatch: Annotated[bool, typer.Option("--dispatch", help="On the way until `arrive`; else there at once.")] = False,
    expected: given.Expected = None, reference: given.Reference = None, actor: given.Actor = None,
    id: given.Id = None, state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Move units to another warehouse."""
    wish = {"sku_id": sku, "warehouse_id": from_, "to_warehouse_id": to, "quantity": quantity}
    wish |= {"mode": "dispatch"} if dispatch else {}
    calls.move(
        state, as_json, "transfer", **wish, expected_at_ms=expected, reference_id=reference, actor=actor, id=id
    )  # fmt: skip


@app.command()
def arrive(
    transfer: given.Transfer, sku: given.Sku, warehouse: given.Warehouse, quantity: given.Arrived,
    partial: Annotated[bool, typer.Option("--partial", help="More is to come.")] = False,
    reference: given.Reference = None, actor: given.Actor = None, id: given.Id = None,
    state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Units of a dispatched transfer came in."""
    wish = {"transfer_id": transfer, "sku_id": sku, "warehouse_id": warehouse, "quantity": quantity}
    calls.move(state, as_json, "arrive", **wish, final=not partial, reference_id=reference, actor=actor, id=id)


@app.command("import")
def import_(
    context: typer.Context, file: given.File, key: given.Key = None, errors: given.Errors = None,
    state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Do the movements of a file, a line each (NDJSON, or CSV with a header). Again, it goes on where it stopped.

    Lines are known for a day by the file's content (or KEY), so that what was decided is not done twice.
    """
    from onhand.deploy.shop.importing import run

    context.exit(run(state, as_json, file, key, errors))


@app.command()
def availability(skus: given.Skus, state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Show what is available, by warehouse."""
    calls.availability(state, as_json, skus)


@app.command()
def reserve(
    sku: Annotated[str | None, typer.Argument(metavar="SKU", parser=given.sku, show_default=False)] = None,
    warehouse: Annotated[int | None, typer.Argument(metavar="WAREHOUSE", min=1, max=32_767)] = None,
    quantity: Annotated[int | None, typer.Argument(metavar="QUANTITY", min=1, max=1_000_000_000)] = None,
    line: given.Lines = None, ttl: given.Ttl = "10m",  # type: ignore[assignment]
    channel: given.Channel = None,
    order: Annotated[str | None, typer.Option("--order", help="The order that it is for.", show_default=False)] = None,
    id: given.Id = None, state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Hold units for a buyer: a line, or with --line several, all or none. Piped, it prints the reservation's id."""
    lines: list[dict[str, Any]] = [each._asdict() for each in line or ()]
    if sku is not None:
        if warehouse is None or quantity is None:
            raise typer.BadParameter("is missing", param_hint="'WAREHOUSE'" if warehouse is None else "'QUANTITY'")
        lines.insert(0, {"sku_id": sku, "warehouse_id": warehouse, "quantity": quantity})
    if not lines:
        raise typer.BadParameter("is missing, and so is --line", param_hint="'SKU'")
    calls.reserve(state, as_json, ttl, lines, channel=channel, order_id=order, id=id)


@app.command()
def commit(reservation: given.Reservation, state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Sell what is reserved; done once the ledger has it."""
    calls.end(state, as_json, "commit", reservation)


@app.command()
def release(reservation: given.Reservation, state: State = DEFAULT_STATE, as_json: Json = False) -> None:
    """Give back what is reserved."""
    calls.end(state, as_json, "release", reservation)


@app.command()
def extend(
    reservation: given.Reservation, ttl: given.Ttl = "10m",  # type: ignore[assignment]
    state: State = DEFAULT_STATE, as_json: Json = False,
) -> None:  # fmt: skip
    """Let a reservation live longer, from now on."""
    calls.end(state, as_json, "extend", reservation, ttl)
