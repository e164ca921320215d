"""Where a network comes from, as it is kept with the exported model."""

from __future__ import annotations

from typing import Any

from e3dnas.search.result import Found, SearchResult

__all__ = ["search_record"]


def search_record(result: SearchResult, found: Found) -> dict[str, Any]:
    """Return the search and the trial of a network as plain data for config.json."""
    whole = result.to_dict()
    keys = ("space", "study", "sampler", "seed", "trials", "candidates", "seconds", "versions")
    return {key: whole[key] for key in (*keys, "on_machine") if key in whole} | result.told(found)
