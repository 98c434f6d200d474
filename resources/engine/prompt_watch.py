"""Finds a server that drops the front of long prompts without a word: its count of prompt tokens stands still."""

from resources.messages import Call

LEAST_TOKENS = 1024
BLOCK = 512  # contexts are multiples of it
TIMES = 3  # prompts of different lengths with the same count
SPREAD = 1.15  # the longest of them against the shortest


class PromptWatch:
    """For one role."""

    def __init__(self) -> None:
        self._lengths: dict[int, set[int]] = {}

    def cut(self, call: Call, prompt_tokens: int) -> bool:
        """Count one answered call; true where the count that the server tells has stopped to grow with the prompt."""
        if prompt_tokens < LEAST_TOKENS or (prompt_tokens + 1) % BLOCK > 1:
            return False
        lengths = self._lengths.setdefault(prompt_tokens, set())
        lengths.add(call.length)
        return len(lengths) >= TIMES and max(lengths) > SPREAD * min(lengths)
