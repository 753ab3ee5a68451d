"""The calls that the verbs make. Each may be sent twice: its id goes with it, or what it does is done once anyway."""

from pathlib import Path
from typing import Any

from onhand.deploy.shop import screen
from onhand.deploy.shop.gateway import gateway_at
from onhand.deploy.shop.refusals import checked
from onhand.deploy.shop.wishes import command

_MOST_SKUS = 100


def move(state: Path, as_json: bool, type: str, **fields: Any) -> None:
    """Do a movement and tell its decision."""
    wish = command(type, **fields)
    told = _posted(state, as_json, "movements", wish, _unsure(wish["id"]))
    screen.as_json(told) if as_json else screen.decided(told)


def reserve(state: Path, as_json: bool, ttl_s: int, lines: list[dict[str, Any]], **fields: Any) -> None:
    """Reserve all of the lines or none, and tell the reservation."""
    wish = command("reserve", lines=lines, ttl_ms=ttl_s * 1_000, **fields)
    body: dict[str, Any] = {name: wish[name] for name in ("lines", "channel", "order_id") if name in wish}
    body |= {"ttl_s": ttl_s, "reservation_id": wish["id"]}
    told = _posted(state, as_json, "reserve", body, _unsure(wish["id"]))
    screen.as_json(told) if as_json else screen.reserved(told)


def end(state: Path, as_json: bool, verb: str, reservation_id: str, ttl_s: int | None = None) -> None:
    """Commit, release or extend a reservation; each of these again is the same."""
    command(verb, reservation_id=reservation_id, ttl_ms=None if ttl_s is None else ttl_s * 1_000)
    body = {"reservation_id": reservation_id} | ({} if ttl_s is None else {"ttl_s": ttl_s})
    told = _posted(state, as_json, verb, body, "the same command again tells what became of it")
    screen.as_json(told) if as_json else screen.stands(told)


def availability(state: Path, as_json: bool, skus: list[str]) -> None:
    """Tell what is available of some SKUs."""
    wanted = list(dict.fromkeys(skus))
    told: dict[str, Any] = {}
    for at in range(0, len(wanted), _MOST_SKUS):
        told |= _posted(state, as_json, "availability", {"sku_ids": wanted[at : at + _MOST_SKUS]}, "try again")
    screen.as_json(told) if as_json else screen.available(told)


def _posted(state: Path, as_json: bool, path: str, body: Any, again: str) -> Any:
    """The body of a good answer. A problem is JSON on standard output, too, where JSON is wished for."""
    answer = gateway_at(state).post(path, body, again)
    if as_json and answer.status >= 300:
        screen.as_json(answer.body)
    return checked(answer, again)


def _unsure(id: str) -> str:
    return f"whether it was done is not known, and the same command with --id {id} tells"
