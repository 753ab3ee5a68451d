"""Lists are pages: `{items, next_cursor}`."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query

Row = TypeVar("Row")
Limit = Annotated[int, Query(ge=1, le=1_000, description="Items of a page.")]


def page(
    rows: Sequence[Row], limit: int, cursor: Callable[[Row], str], told: Callable[[Row], dict[str, Any]]
) -> dict[str, Any]:
    """The first `limit` rows; `next_cursor` is the last one's where there is another row behind them, else null."""
    shown = rows[:limit]
    return {
        "items": [told(row) for row in shown],
        "next_cursor": cursor(shown[-1]) if len(rows) > limit else None,
    }
