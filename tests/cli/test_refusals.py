"""Answers of the gateway that are none: what they come to."""

from typing import Any

import pytest

from onhand.deploy.shop.gateway import Answer
from onhand.deploy.shop.refusals import checked
from onhand.deploy.stack.errors import Refused, StackError, Usage


@pytest.mark.parametrize(
    ("status", "problem", "fault", "words"),
    [
        (401, {"detail": "no"}, Refused, "ONHAND_API_KEY"),
        (403, {"detail": "the API key does not have the scope move"}, Refused, "scope move"),
        (404, {"outcome": "unknown_reservation", "detail": "-"}, Refused, "refused, unknown_reservation: there is no"),
        (409, {"outcome": "of_a_later_version", "detail": "-"}, Refused, "refused, of_a_later_version"),
        (409, {"outcome": "already_expired", "detail": "-"}, Refused, "has expired"),
        (413, {"detail": "too large"}, Usage, "too large"),
        (422, {"detail": "quantity: is missing"}, Usage, "quantity: is missing"),
        (422, {"outcome": "invalid", "detail": "type: is not supported yet"}, Usage, "not supported yet"),
        (423, {"detail": "anna holds the lock"}, Refused, "anna holds the lock"),
        (429, {"detail": "more than 5 calls a second"}, Refused, "5 calls"),
        (500, {"detail": "not finished"}, StackError, "not finished"),
        (503, {"detail": "Kafka is away"}, StackError, "Kafka is away; try again"),
        (504, {"detail": "no answer"}, StackError, "no answer; try again"),
        (502, None, StackError, "the gateway answered 502"),
    ],
)
def test_each_has_its_exit_code_and_words(status: int, problem: Any, fault: type[StackError], words: str) -> None:
    with pytest.raises(fault) as raised:
        checked(Answer(status, problem), "try again")
    assert type(raised.value) is fault
    assert words in str(raised.value)


def test_a_good_answer_is_its_body() -> None:
    assert checked(Answer(201, {"a": 1}), "try again") == {"a": 1}
