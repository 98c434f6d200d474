"""What to do with a call that got no answer: retry it after a delay, give this call up, or stop the run."""

from dataclasses import dataclass
from typing import Literal

from resources.engine.answers import NO_TOKENS, TokenUsage

Kind = Literal["pushed_back", "server_error", "unreachable", "timeout"]
MOST_TRIES = {"pushed_back": 1_000, "server_error": 5, "unreachable": 5, "timeout": 3}


@dataclass(frozen=True)
class Trouble:
    """Why a call got no answer. retry_after_s: what the server asked for, in seconds; usage: what its tries took that
    the server answered, and that were of no use."""

    kind: Kind
    detail: str
    retry_after_s: float | None = None
    usage: TokenUsage = NO_TOKENS


def next_try(
    trouble: Trouble,
    tries: int,
    waited_s: float,
    others_answered: bool,
    patience_s: float,
) -> float | Literal["give up", "stop"]:
    """Seconds to wait before the next try, or the end of it.

    tries: how often this call failed in this way (1 for the first time); waited_s: since its first failure;
    others_answered: the server has answered other calls since then, so it is this call that fails, not the server.
    """
    if waited_s > patience_s or (trouble.kind == "timeout" and tries >= MOST_TRIES["timeout"]):
        return "give up" if others_answered else "stop"
    if others_answered and tries >= MOST_TRIES[trouble.kind]:
        return "give up"
    if trouble.retry_after_s is not None:
        return min(trouble.retry_after_s, 600.0)
    return float(min(15.0, 0.5 * 2.0 ** min(tries - 1, 10)))
