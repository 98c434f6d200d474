"""How many calls one server gets at once: additive increase, multiplicative decrease, and a ceiling remembered."""

ENOUGH = 100  # outcomes before a quiet verdict
OVERLOAD = 0.06  # share of calls pushed back (429, timeout) that is one: a few at random are not
PLAIN = 0.12  # share that is an overload without a second look
DECREASE = 0.75
STEP_BACK = 0.9  # the decrease from a limit that was quiet before
PROBE_AFTER = 20  # quiet verdicts below a remembered ceiling before it is tried again


class Limit:
    """Starts at `most`, the concurrency that the user allows, and never goes over it or under 1.

    A call is judged with the others that were sent under the same limit (`generation`), so one burst of 429s lowers
    the limit once. The limit that was overloaded is remembered as `ceiling`, the highest quiet one as `quiet`. An
    overload by a small share, or of a limit that was quiet before, puts the limit in doubt: calls that are sent after
    it decide, so neither chance nor one moment of silence costs the long way back.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.value = most
        self.generation = 0
        self.ceiling: int | None = None
        self.quiet = 0
        self._verdicts = 0  # quiet ones, one after the other, just below the ceiling
        self._sent = self._pushed_back = 0
        self._doubted = False

    def record(self, generation: int, pushed_back: bool) -> None:
        """One call that was sent under `generation` has ended."""
        if generation != self.generation:
            return
        self._sent += 1
        self._pushed_back += pushed_back
        enough = max(ENOUGH, self.value)
        overloaded = self._pushed_back > OVERLOAD * enough
        if overloaded or self._sent >= enough:
            self._judge(overloaded)

    def _judge(self, overloaded: bool) -> None:
        before = self.value
        plain = self.quiet < self.value and self._pushed_back > PLAIN * self._sent
        doubted = overloaded and not plain and not self._doubted
        if overloaded and not doubted:
            self.ceiling, self._verdicts = self.value, 0
            if self.quiet >= self.value:  # quiet before: the server takes less than it did
                self.quiet = int(self.value * STEP_BACK)
            self.value = max(1, self.quiet, int(self.value * DECREASE))
        elif not overloaded:
            self.quiet = self.value
            self._verdicts += 1
            if self.ceiling is not None and self._verdicts > PROBE_AFTER:
                self.ceiling, self._verdicts = None, 0
            highest = self.most if self.ceiling is None else min(self.most, self.ceiling - 1)
            if self.value < highest:
                self.value, self._verdicts = self.value + 1, 0
        self._sent = self._pushed_back = 0
        self._doubted = doubted
        if self.value != before or doubted:
            self.generation += 1
