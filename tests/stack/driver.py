"""A program that runs a stack until it is killed: `driver.py DIR`. Tests kill it as they like."""

import os
import sys
import time

from onhand.deploy.stack import Stack

# Kafka, which boots slowly, is pretended to be elsewhere: what is tested here is the same for every part.
ELSEWHERE = dict(os.environ) | {"ONHAND_KAFKA": "127.0.0.1:1"}


def main() -> None:
    """Print `ready` once it serves."""
    with Stack(sys.argv[1], schema=False, base_env=ELSEWHERE):
        print("ready", flush=True)
        time.sleep(300)


if __name__ == "__main__":
    main()
