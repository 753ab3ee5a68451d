"""What can go wrong with the ground itself."""


class StackError(Exception):
    """The stack cannot do what it was asked; the message says why and what helps. It never holds a password."""


class Usage(StackError):
    """A setting is malformed or missing; the message names it and never shows its value."""


class Refused(StackError):
    """The state directory does not allow it: something runs there already, or nothing does, or it cannot be written."""
