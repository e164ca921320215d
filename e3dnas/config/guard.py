"""A YAML composer that refuses, before anything is built, what no file of ours holds: tags, loops, floods of values."""

from __future__ import annotations

from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.events import AliasEvent

__all__ = ["MAX_DEPTH", "MAX_VALUES", "guarded_yaml"]

MAX_VALUES = 20_000
MAX_DEPTH = 32


def guarded_yaml() -> YAML:
    """Return a reader of one YAML document that keeps line numbers and refuses the above, and keys that stand twice."""
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    yaml.Composer = _GuardedComposer
    return yaml


class _GuardedComposer(Composer):
    """Composes nodes one by one and stops at the first that is too many."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False  # the later one counts, as YAML 1.2 has it
        self.seen = 0
        self.open: list[str | None] = []  # anchors of the nodes that are being composed, from the outermost on

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose the next node, or refuse it."""
        event = self.parser.peek_event()
        self.seen += 1
        if self.seen > MAX_VALUES:
            raise _refused(f"holds more than {MAX_VALUES} values", event)
        if len(self.open) > MAX_DEPTH:
            raise _refused(f"nested more than {MAX_DEPTH} levels deep", event)
        if isinstance(event, AliasEvent):
            if event.anchor in self.open:
                raise _refused(f"the alias *{event.anchor} stands inside what it stands for", event)
        elif event.tag is not None:
            raise _refused(f"the tag {event.tag!r} is not allowed; delete it", event)
        self.open.append(None if isinstance(event, AliasEvent) else event.anchor)
        node = super().compose_node(parent, index)
        self.open.pop()
        return node


def _refused(problem: str, event: Any) -> ComposerError:
    return ComposerError(None, None, problem, event.start_mark)
