"""``python -m e3dnas.bound``: bounds the space that comes as JSON on standard input, in a process of its own."""

import json
import sys

from e3dnas.bound.api import bound
from e3dnas.errors import E3DNASError

__all__ = ["main"]


def main() -> None:
    """Print the bound as JSON, or the problem that keeps it from being one."""
    try:
        told = bound(json.load(sys.stdin)).to_dict()
    except E3DNASError as error:
        told = {"problem": str(error)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
