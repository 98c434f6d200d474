"""Who wrote a text, and whether that was the embedded model. A leaf: it imports nothing."""

EMBEDDED_STUDENT = "(trained on embedded texts)"  # ends the name of a student that learnt from the embedded model


def is_embedded(author: str) -> bool:
    """Whether an author is the embedded model, or a student that learnt from its texts."""
    return author.startswith("embedded-") or author.endswith(EMBEDDED_STUDENT)
