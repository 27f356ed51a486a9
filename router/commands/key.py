"""`maek key new`."""

import argparse

from router.keys import new_key


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `maek key` takes."""
    parser.add_argument("what", choices=["new"], help="new: make a key, print it once, and print its hash")


def run(_args: argparse.Namespace) -> int:
    """Print a new key and its hash."""
    key, key_hash = new_key()
    print(f"key   {key}")
    print(f"hash  {key_hash}")
    print()
    print("Give the key to whoever shall ask Maek; it is shown here once and stored nowhere.")
    print("Put the hash into config.yaml, under router.keys:")
    print(f"  keys:\n    - {key_hash}")
    return 0
