"""``python -m e3dnas.bound``: solves the space that comes as JSON on standard input, in a process of its own."""

import json
import sys

from e3dnas.bound.api import bound
from e3dnas.bound.fronts import front
from e3dnas.errors import E3DNASError
from e3dnas.space import load_space

__all__ = ["main"]


def main() -> None:
    """Print the bound as JSON, or the exact front of several objectives, or why there is none."""
    try:
        space = load_space(json.load(sys.stdin))
        told = (front(space) if space.declaration.objectives else bound(space)).to_dict()
    except E3DNASError as error:
        told = {"problem": str(error)}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
