"""The demo's crowd, with the oracle as the shop: everybody is served, and the books add up."""

from collections import deque

import msgspec

from onhand.deploy.audit.oracle import Oracle
from onhand.deploy.demo.crowd import HOT, HOT_UNITS, Crowd, Wish
from onhand.deploy.demo.sale import Sale
from onhand.schemas.signing import HEADER, Keyring

KEYRING = Keyring.parse("test:" + "5a" * 32)
SWEEP = b'{"type":"sweep"}'
SHOPPERS = 3_000


class Shop:
    """Decides what the crowd sends, in order, a millisecond each."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.oracle = Oracle(0, 1, KEYRING, 600_000, 500)
        self.queue: deque[Wish] = deque()

    def decide(self, value: bytes, later_ms: int = 1) -> None:
        sign = [(HEADER, KEYRING.sign(SWEEP).encode())] if value == SWEEP else []
        oracle = self.oracle
        for decision in oracle.decide(oracle.offset + 1, oracle.clock + later_ms, None, value, sign):
            self.queue.extend(self.crowd.answer(decision))

    def serve(self, *wishes: Wish) -> None:
        self.queue.extend(wishes)
        while self.queue:
            wish = self.queue.popleft()
            for _ in range(wish.times):
                self.decide(wish.command.to_json())


def test_everybody_is_served() -> None:
    crowd = Crowd(seed=1, count=SHOPPERS, now_ms=1_700_000_000_000)
    shop = Shop(crowd)
    shop.serve(*crowd.deliveries())
    assert crowd.tally["units received"] == sum(stock.available for stock in shop.oracle.positions.values())
    assert shop.oracle.positions[f"{HOT}:1"].available == HOT_UNITS
    shop.serve(*crowd.arrivals())
    assert not crowd.awaited
    assert not crowd.settled, "some walked away, and nobody swept yet"
    while shop.oracle.holds:
        shop.decide(SWEEP, later_ms=1_000)
    assert crowd.settled
    tally = crowd.tally
    assert tally["paid"] + tally["cancelled"] + tally["expired"] == tally["reserved"]
    assert tally["reserved"] + tally["sold out"] == SHOPPERS
    assert min(tally[name] for name in ("paid", "cancelled", "expired", "sold out", "repeats")) > 0


def test_a_seed_makes_the_same_choices_with_new_ids() -> None:
    one, same, other = (Crowd(seed, 50, now) for seed, now in ((1, 1_000), (1, 2_000), (2, 1_000)))

    def wishes(crowd: Crowd) -> list[object]:
        sent = [*crowd.deliveries(), *crowd.arrivals()]
        assert len({wish.command.id for wish in sent}) == len(sent)
        return [(msgspec.structs.replace(wish.command, id=""), wish.times) for wish in sent]

    assert wishes(one) == wishes(same)
    assert wishes(one) != wishes(other)
    assert not one.waiting.keys() & same.waiting.keys()


def test_the_copy_of_one_who_sends_twice_may_find_stock_again() -> None:
    crowd = Crowd(seed=1, count=200, now_ms=1_000)
    twice = next(wish for wish in crowd.arrivals() if wish.times == 2).command
    refused = {"type": "reserve", "id": twice.id, "outcome": "insufficient_stock"}
    assert list(crowd.answer(refused)) == []
    assert twice.id in crowd.waiting
    (pays,) = crowd.answer(refused | {"outcome": "reserved"})
    assert (pays.command.type, pays.times) == ("commit", 2)
    assert crowd.tally["sold out"] == 0


def test_decisions_of_others_are_left_alone() -> None:
    crowd = Crowd(seed=1, count=5, now_ms=1_000)
    assert list(crowd.answer({"type": "reserve", "id": "somebody's", "outcome": "reserved"})) == []
    assert list(crowd.answer({"type": "expire", "id": "somebody's", "outcome": "expired"})) == []
    assert list(crowd.answer({"outcome": "invalid"})) == []
    assert not crowd.tally


def test_a_delivery_that_nobody_decides_can_be_given_up() -> None:
    sale = Sale({"bootstrap.servers": "127.0.0.1:1"}, Crowd(1, 0, 0))
    assert not sale.deliver(given_up=lambda: True)
    assert sale.crowd.awaited
