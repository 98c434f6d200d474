"""The fuse: a role whose first calls all get the same refusal stops the run, for the next ones would get it too."""

import re

FIRST = 3  # calls of a role that never answered
FIRST_KNOWN = 10  # of one that has answered before: the refusals may be about these documents alone
# About one document or its text; what follows is in the document's own hands.
OF_ONE = frozenset({"refused", "filtered", "truncated", "overflow"})
_VARYING = re.compile(r"[0-9]+|\"[^\"]*\"|'[^']*'|`[^`]*`")  # names and numbers: of this document, not of the refusal


class Fuse:
    """For one role and one run of the engine."""

    def __init__(self) -> None:
        self.known = False  # the role has answered in an earlier run
        self._taken = False
        self._same = 0
        self._first = ""

    def note(self, status: str, detail: str) -> bool:
        """Count one call that has ended; true where the run should stop now."""
        if status == "ok" or status in OF_ONE:
            self._taken = True
        if self._taken:
            return False
        kind = f"{status} {_VARYING.sub('', detail)}"
        self._first = self._first or kind
        if kind != self._first:
            self._taken = True  # not the same for everybody
            return False
        self._same += 1
        return self._same >= (FIRST_KNOWN if self.known else FIRST)
