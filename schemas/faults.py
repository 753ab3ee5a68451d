"""The three kinds of fault. An outcome is a value; a fault is an exception and says what may be done about it."""


class Retryable(Exception):
    """A server is away or busy; the same call again, later, may well succeed."""


class Poison(Exception):
    """This record can never succeed, however often it is tried; set it aside and go on."""


class Corrupt(Exception):
    """An invariant does not hold; going on could make it worse, so the lane or the process stops."""
