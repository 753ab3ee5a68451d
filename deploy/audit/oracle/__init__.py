"""The reference model: what the gate must answer to each record of a partition, in plain Python.

It is written from the contract alone, to be read beside it, and shares with the gate nothing but the words
(`onhand.schemas`): what a command is, whether a record is one, and how an outcome is called.
"""

from onhand.deploy.audit.oracle.desk import Decision
from onhand.deploy.audit.oracle.oracle import Oracle

__all__ = ["Decision", "Oracle"]
