"""No password in what is printed."""

import pytest

from onhand.deploy.stack import redact


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:s3cret@127.0.0.1:6379/0", "redis://:***@127.0.0.1:6379/0"),
        ("postgresql://onhand:s3cret@db:5432/onhand", "postgresql://onhand:***@db:5432/onhand"),
        ("kafka+ssl://u:s3cret@a:1,b:2?ca=/ca.pem", "kafka+ssl://u:***@a:1,b:2?ca=/ca.pem"),
        ("rediss://user:s3c@ret/x@host", "rediss://user:***@host"),
        ("host=db password=s3cret user=onhand", "host=db password=*** user=onhand"),
        ("host=db password='s3c ret' user=onhand", "host=db password=*** user=onhand"),
        ("postgresql://h/d?password=s3cret&user=u", "postgresql://h/d?password=***&user=u"),
        ("cannot reach redis://:s3cret@h:1/0: refused", "cannot reach redis://:***@h:1/0: refused"),
        ("127.0.0.1:9092 and http://h:80/a", "127.0.0.1:9092 and http://h:80/a"),
    ],
)
def test_a_password_is_never_shown(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_of_two_addresses_both_are_redacted() -> None:
    shown = redact("redis://:s3cret@h:1/0,redis://:s3cret@h:2/0 postgresql://u:s3cret@h/d")
    assert "s3cret" not in shown
    assert shown.endswith("postgresql://u:***@h/d")
