"""What must hold: of a partition's state after each step, and of all that was told when nothing is left to do."""

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING

from onhand.deploy.audit.oracle import Decision, Oracle
from tests.simulation.legs.books import check_books
from tests.simulation.legs.places import Broken
from tests.simulation.legs.stories import Key, Stories, heard

if TYPE_CHECKING:
    from tests.simulation.legs.world import World


def adds_up(oracle: Oracle) -> None:
    """Nothing is negative, and what is reserved is what is held."""
    held: defaultdict[str, int] = defaultdict(int)
    for hold in oracle.holds.values():
        for line in hold.lines:
            held[line.position] += line.units
    for position, stock in oracle.positions.items():
        if stock.available < 0 or stock.reserved != held.pop(position, 0):
            raise Broken(f"{position} has {stock}, and not as much is held: {oracle.holds}")
    if held:
        raise Broken(f"held, but not reserved: {dict(held)}")


def check_end(world: "World") -> None:
    """When all is decided, swept, told and forgotten."""
    stories = Stories()
    for partition, oracle in enumerate(world.oracles):
        if oracle.holds:
            raise Broken(f"held for ever in {partition}: {oracle.holds}")
        decisions = heard(world.told[partition])
        if len(decisions) != oracle.seq:
            raise Broken(f"{oracle.seq} were decided in {partition}, {len(decisions)} told")
        stories.take(partition, decisions)
    check_books(world, [heard(told) for told in world.told])
    window_ms = world.oracles[0].window_ms - max(world.skews) + min(world.skews)
    _units_are_conserved(world, stories)
    _orders_are_whole(world, stories)
    _refused_stays_refused(stories, window_ms)
    _each_asking_is_answered(world, stories)
    _nothing_is_done_twice(world, stories, window_ms)
    _a_repeat_is_known(world, stories, window_ms)
    _nobody_forgets(world, stories, window_ms)


def _units_are_conserved(world: "World", stories: Stories) -> None:
    """In the places and on their way; what is on its way by what was told is what is awaited."""
    opens = {
        (id, *transfer.use): transfer.shipped - transfer.arrived
        for oracle in world.oracles
        for id, transfer in oracle.opens.items()
    }
    for key in stories.in_transit.keys() | opens:
        if stories.in_transit[key] != opens.get(key, 0):
            raise Broken(f"transfer {key}: {stories.in_transit[key]} in transit, {opens.get(key, 0)} awaited")
    units = sum(stock.total for oracle in world.oracles for stock in oracle.positions.values()) + sum(opens.values())
    if units != stories.flow:
        raise Broken(f"{units} units are there, {stories.flow} came in")


def _orders_are_whole(world: "World", stories: Stories) -> None:
    """Every reservation is told complete once, and ended once in all its lines alike; a refused one was released in all it had."""
    for key, told in stories.settled.items():
        if len(told) != 1:
            raise Broken(f"order {key} has several complete decisions: {told}")
    for key, lines in stories.reserved.items():
        hows = {position: [d["outcome"] for d in stories.ended[key][position]] for position in lines}
        if any(len(how) != 1 for how in hows.values()):
            raise Broken(f"order {key}: lines ended {hows}")
        if _was_reserved(key, stories):
            _ended_alike(world, stories, key, {how for (how,) in hows.values()})
        elif any(d.get("reason") != "order_refused" for ends in stories.ended[key].values() for d in ends):
            raise Broken(f"order {key} was refused, and yet {hows}")
    for key in stories.ended.keys() - stories.reserved.keys():
        raise Broken(f"{key} ended, and was never reserved")


def _was_reserved(key: Key, stories: Stories) -> bool:
    """By its complete decision. One that says `id_reused` does not say of which use of the id."""
    if key in stories.settled:
        return bool(stories.settled[key][0]["outcome"] == "reserved")
    reused = [d for d in stories.answers[key[0]] if d["outcome"] == "id_reused" and not d.get("replayed")]
    orphans = [k for k in stories.reserved if k[0] == key[0] and k not in stories.settled]
    if len(orphans) > len(reused):
        raise Broken(f"orders {orphans} have too few complete decisions: {reused}")
    return False


def _ended_alike(world: "World", stories: Stories, key: Key, hows: set[str]) -> None:
    lines = stories.reserved[key]
    if len(hows) != 1:
        raise Broken(f"order {key} is half done: {hows}")
    units = {position: decision["quantity"] for position, decision in lines.items()}
    ended = {position: ends[0]["quantity"] for position, ends in stories.ended[key].items()}
    wished = world.orders.get(key[1], units)
    if not units == wished == ended:
        raise Broken(f"order {key}: {wished} were wished, {units} reserved, {ended} ended")


def _refused_stays_refused(stories: Stories, window_ms: int) -> None:
    """An order; the same id and body is not reserved within the window."""
    uses: defaultdict[tuple[str, int], list[tuple[int, Decision]]] = defaultdict(list)
    for (id, body, opened_at_ms), (told,) in _of_orders(stories):
        uses[id, body].append((opened_at_ms, told))
    for told_of_id in uses.values():
        for _, refused in told_of_id:
            clock = refused["decided_at_ms"]
            for opened_at_ms, later in told_of_id:
                is_soon = refused["use"]["opened_at_ms"] < opened_at_ms <= clock + window_ms
                if refused["outcome"] != "reserved" and later["outcome"] == "reserved" and is_soon:
                    raise Broken(f"refused, then reserved within the window: {refused} {later}")


def _of_orders(stories: Stories) -> list[tuple[Key, list[Decision]]]:
    return [(key, told) for key, told in stories.settled.items() if "use" in told[0]]


def _each_asking_is_answered(world: "World", stories: Stories) -> None:
    """By one complete decision."""
    for id, asked in world.asked.items():
        if len(asked) != len(stories.answers[id]):
            raise Broken(f"{id} was asked {len(asked)} times, and answered: {stories.answers[id]}")
    for id in stories.answers.keys() - world.asked.keys():
        raise Broken(f"nobody asked: {stories.answers[id]}")


def _nothing_is_done_twice(world: "World", stories: Stories, window_ms: int) -> None:
    """Within the window, where an id was used for one thing alone."""
    for id, decisions in stories.done.items():
        clocks = sorted(decision["decided_at_ms"] for decision in decisions)
        is_soon = any(later - earlier <= window_ms for earlier, later in pairwise(clocks))
        if is_soon and len({asked.use for asked in world.asked[id]}) == 1:
            raise Broken(f"done twice within the window: {decisions}")


def _a_repeat_is_known(world: "World", stories: Stories, window_ms: int) -> None:
    """Within a window from where it began, an id that was used for one thing alone is never said to be another's."""
    for id, asked in world.asked.items():
        if len({other.use for other in asked}) != 1:
            continue
        fresh = [d for d in stories.answers[id] if not d.get("replayed") and d["outcome"] != "id_reused"]
        for decision in stories.answers[id]:
            began = [d["use"]["opened_at_ms"] if "use" in d else d["decided_at_ms"] for d in fresh]
            waited_ms = [decision["decided_at_ms"] - at_ms for at_ms in began]
            if decision["outcome"] == "id_reused" and any(0 <= ms <= window_ms for ms in waited_ms):
                raise Broken(f"a repeat is told that it is none: {stories.answers[id]}")


def _nobody_forgets(world: "World", stories: Stories, window_ms: int) -> None:
    """Who had seen something complete is not told that it is unknown, unless it ended and the window passed."""
    for id, (asked, *more) in world.asked.items():
        if asked.knew is None or more or len({other.use for other in world.asked[asked.knew]}) != 1:
            continue
        (answer,) = stories.answers[id]
        over = min(stories.over[asked.knew], default=None)
        if answer["outcome"].startswith("unknown_") and (over is None or answer["decided_at_ms"] - over <= window_ms):
            raise Broken(f"the client had seen {asked.knew} complete: {answer}")
