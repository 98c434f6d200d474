"""Who wrote a text, and whether that was the embedded model. A leaf: it imports nothing."""

EMBEDDED_STUDENT = "(trained on embedded texts)"  # ends the name of a student that learnt from the embedded model
PERSON = "a person"  # who decided is in the ledger alone: rows are shared, names are not
_AND_PERSON = f" and {PERSON}"


def is_embedded(author: str) -> bool:
    """Whether an author is the embedded model, or a student that learnt from its texts."""
    return author.startswith("embedded-") or author.removesuffix(_AND_PERSON).endswith(EMBEDDED_STUDENT)


def with_person(author: str) -> str:
    """The author of what a model and a person made together. The model stands first, so that `is_embedded` holds."""
    return author if author.endswith(PERSON) else author + _AND_PERSON
