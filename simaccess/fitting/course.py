"""How far a calibration has come: its stages, what they have tried, and the best of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

__all__ = ["Course", "Progress", "Watch"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a calibration has come.

    Attributes
    ----------
    stage : str
        What it is doing.
    share : float
        Share of the work that is done, roughly: a stage may end sooner than is usual, or later.
    tries : int
        How often the model has been evaluated.
    error : float
        Mean error of the best try so far, as a share; of the points that the stage looks at.
    simulations : int
        Cells simulated.
    """

    stage: str = ""
    share: float = 0.0
    tries: int = 0
    error: float = float("inf")
    simulations: int = 0


Watch = Callable[[Progress], None]
"""Is told how far a calibration has come, each time the model has been evaluated."""


class Course:
    """Keeps account of the stages.

    Parameters
    ----------
    watch : callable
        Is told.

    Attributes
    ----------
    now : Progress
        How far the calibration has come.
    """

    def __init__(self, watch: Watch) -> None:
        self.now = Progress()
        self._watch = watch
        self._from = self._to = 0.0
        self._part = (0.0, 1.0)
        self._usual = 1
        self._tries = 0

    def begin(self, stage: str, share: float, usual: int) -> None:
        """Begin a stage.

        Parameters
        ----------
        stage : str
            What it does.
        share : float
            Share of the part of the work (`points`) that is done at its end.
        usual : int
            Tries that it usually takes.
        """
        first, last = self._part
        self._from, self._to = self._to, max(first + share * (last - first), self._to)
        self._usual, self._tries = max(usual, 1), 0
        self.now = replace(self.now, stage=stage, share=self._from)
        self._watch(self.now)

    def points(self, first: float, last: float) -> None:
        """Begin with other points: the best try on those before is none on these.

        Parameters
        ----------
        first, last : float
            Shares of the work that are done at their beginning and at their end.
        """
        self._part = first, last
        self._to = max(first, self._to)
        self.now = replace(self.now, error=float("inf"))

    def tried(self, error: float, simulations: int) -> None:
        """Note a try: the mean error of the best one so far, and the simulations that it took."""
        self._tries += 1
        part = min(self._tries / self._usual, 1.0)
        self.now = Progress(
            self.now.stage,
            self._from + part * (self._to - self._from),
            self.now.tries + 1,
            error,
            self.now.simulations + simulations,
        )
        self._watch(self.now)
