"""The live view of a search: one panel in a terminal, plain lines when the output goes elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import BarColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressLine
from rich.progress_bar import ProgressBar
from rich.table import Table

from e3dnas.report.numbers import format_count, format_gap, format_seconds

if TYPE_CHECKING:
    from e3dnas.search.api import Progress
    from e3dnas.space import SearchSpace

__all__ = ["FamilyView", "SearchView"]

PLAIN_LINES = 10
PROVING = "the proof is being worked out"


class SearchView:
    """Shows the progress of a search; call it on resuming and after every trial.

    Args:
        console: where to.
        title: the name of the space.
        goals: what is sought, ``{"stentr": "maximize"}``; more than one with several objectives.
        budgets: the budgets by measure, ``{"flops": {"max": 2e9}}``.
    """

    def __init__(self, console: Console, title: str, goals: Mapping[str, str], budgets: Mapping[str, Any]) -> None:
        self.console, self.title, self.goals, self.budgets = console, title, goals, budgets
        self.score = next(iter(goals))
        self._live = Live(console=console, refresh_per_second=8) if console.is_terminal else None
        self._last_tenth = -1

    def __enter__(self) -> SearchView:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Show a step."""
        if self._live is not None:
            self._live.update(self._panel(progress))
            return
        if progress.proving:
            self.console.print(f"the trials are done; {PROVING}", soft_wrap=True)
            return
        if not progress.new_trials:
            self.console.print(f"resumed: {progress.done} of {progress.target} trials are there", soft_wrap=True)
            return
        tenth = progress.done * PLAIN_LINES // progress.target
        if tenth != self._last_tenth:
            self._last_tenth = tenth
            self.console.print(self.line(progress), soft_wrap=True)

    def line(self, progress: Progress) -> str:
        """Return the step as one plain line."""
        trial = f"trial {progress.done}/{progress.target}"
        failed = [f"{progress.failed} failed"] if progress.failed else []
        parts = [trial, *failed, *(f"{k} {v}" for k, v in self._best(progress).items())]
        return "  ".join([*parts, *(f"{value} {key}" for key, value in self._pace(progress).items())])

    def _best(self, progress: Progress) -> dict[str, str]:
        best = progress.best
        if best is None:
            return {self.score: "none within the budgets yet"}
        if progress.front:
            return self._front(progress)
        shown = {self.score: f"{best.score:.4f}"}
        if progress.gap is not None:
            shown["gap to the proven optimum"] = format_gap(progress.gap)
        for name, budget in self.budgets.items():
            if name in best.measures:
                limits = [f"{sign} {format_count(budget[side])}" for side, sign in (("min", ">="), ("max", "<="))
                          if budget.get(side) is not None]  # fmt: skip
                shown[name] = f"{format_count(best.measures[name])} ({', '.join(limits)})"
        return shown

    def _front(self, progress: Progress) -> dict[str, str]:
        count = len(progress.front)
        shown = {"front": f"{count} networks" if count > 1 else "1 network"}
        for name, values in zip(self.goals, zip(*progress.front, strict=True), strict=True):
            ends = (format_count(min(values)), format_count(max(values)))
            shown[name] = " to ".join(dict.fromkeys(ends))
        if progress.share is not None:
            shown["of the exact front's hypervolume"] = f"{100 * progress.share:.2f} %"
        return shown

    def _pace(self, progress: Progress) -> dict[str, str]:
        seconds = max(progress.seconds, 1e-9)
        left = (progress.target - progress.done) * seconds / max(progress.new_trials, 1)
        return {
            "trials/s": f"{progress.new_trials / seconds:.0f}",
            "candidates/s": f"{progress.new_candidates / seconds:,.0f}",
            "to go": format_seconds(left),
        }

    def _panel(self, progress: Progress) -> RenderableType:
        rows = Table.grid(padding=(0, 2))
        for key, value in self._best(progress).items():
            rows.add_row(f"best {key}" if key == self.score and not progress.front else key, value)
        pace = self._pace(progress)
        rows.add_row("pace", f"{pace['trials/s']} trials/s, {pace['candidates/s']} candidates/s")
        if progress.failed:
            rows.add_row("failed", f"{progress.failed} trials")
        rows.add_row("looked at", f"{progress.candidates:,} candidates")
        rows.add_row("to go", PROVING if progress.proving else pace["to go"])
        resumed = f", resumed at {progress.resumed}" if progress.resumed else ""
        head = f"{self.title}: trial {progress.done} of {progress.target}{resumed}"
        bar = ProgressBar(total=progress.target, completed=progress.done)
        whole = Table.grid(expand=True)  # a bar ends without a new line, so that it needs a row of its own
        whole.add_row(bar)
        whole.add_row(rows)
        return Panel(whole, title=head, title_align="left")


class FamilyView:
    """Shows the searches of a family one after another; call it with the member's name and its progress.

    Args:
        console: where to.
        members: the spaces by name.
    """

    def __init__(self, console: Console, members: Mapping[str, SearchSpace]) -> None:
        self.console, self.members = console, members
        self._member: str | None = None
        self._view: SearchView | None = None
        self._bar: ProgressLine | None = None

    def __enter__(self) -> FamilyView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_bar()
        if self._view is not None:
            self._view.__exit__(kind, error, trace)

    def preparing(self, text: str, done: int, total: int) -> None:
        """Show what is measured on this machine before the first trial; no total is a remark."""
        if not total:
            self.console.print(text, soft_wrap=True)
            return
        if self.console.is_terminal and self._bar is None and done < total:
            self._bar = ProgressLine("{task.description}", BarColumn(), TimeRemainingColumn(), console=self.console)
            self._bar.start()
            self._bar.add_task(text, total=total)
        elif self._bar is None and done == 0:
            self.console.print(text, soft_wrap=True)
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)
            if done >= total:
                self._stop_bar()

    def _stop_bar(self) -> None:
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.stop()

    def __call__(self, member: str, progress: Progress) -> None:
        """Show a step of one member."""
        self._stop_bar()
        if self._view is None or member != self._member:
            self.__exit__(None, None, None)
            space = self.members[member]
            budgets = {name: budget.model_dump() for name, budget in space.declaration.budgets.items()}
            self._member, self._view = member, SearchView(self.console, space.name, space.declaration.goals, budgets)
            if len(self.members) > 1 and not self.console.is_terminal:
                self.console.print(f"{space.name}:", soft_wrap=True)
            self._view.__enter__()
        self._view(progress)
