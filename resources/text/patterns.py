"""Patterns with many alternatives, written one a line."""


def one_of(alternatives: str) -> str:
    """A group of the alternatives, which stand one a line; white space around a line does not count."""
    return f"(?:{'|'.join(filter(None, map(str.strip, alternatives.splitlines())))})"
