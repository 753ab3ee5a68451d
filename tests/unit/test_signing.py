"""onhand's own records are known by their signature."""

import hashlib
import hmac

import pytest

from onhand.schemas.signing import Keyring

OLD, NEW = "a1" * 32, "b2" * 32


def test_the_header_is_an_hmac_of_the_value_under_the_first_key() -> None:
    expected = hmac.new(bytes.fromhex(NEW), b"value", hashlib.sha256).hexdigest()
    assert Keyring.parse(f"new:{NEW},old:{OLD}").sign(b"value") == f"v1;new;{expected}"


def test_a_retired_key_still_verifies() -> None:
    signed = Keyring.parse(f"old:{OLD}").sign(b"value").encode()
    assert Keyring.parse(f"new:{NEW},old:{OLD}").verify(signed, b"value")
    assert not Keyring.parse(f"new:{NEW}").verify(signed, b"value")


@pytest.mark.parametrize("header", [b"", b"v1", b"v2;k;00", b"v1;k;", b"v1;other;00", b"v1;k;\xff\xfe", b"\xff"])
def test_anything_else_does_not_verify(header: bytes) -> None:
    assert not Keyring.parse(f"k:{OLD}").verify(header, b"value")


def test_another_value_does_not_verify() -> None:
    keyring = Keyring.parse(f"k:{OLD}")
    assert not keyring.verify(keyring.sign(b"value").encode(), b"valuE")


@pytest.mark.parametrize("text", ["", "k", "k:", "k:zz", "k:abcd", f"k:{OLD},", "k k:" + OLD])
def test_a_malformed_keyring_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="secret: entry") as refusal:
        Keyring.parse(text)
    assert OLD not in str(refusal.value)


def test_a_keyring_does_not_show_its_keys() -> None:
    assert OLD not in repr(Keyring.parse(f"k:{OLD}"))


@pytest.mark.parametrize("key", [b"k" * 16, b"k" * 64, b"a long key" * 10])
@pytest.mark.parametrize("value", [b"", b"value", b"v" * 1_000])
def test_the_mac_is_that_of_the_standard_library(key: bytes, value: bytes) -> None:
    keyring = Keyring({"k": key})
    assert keyring.sign(value) == f"v1;k;{hmac.new(key, value, hashlib.sha256).hexdigest()}"
    assert keyring.verify(keyring.sign(value).encode(), value)
