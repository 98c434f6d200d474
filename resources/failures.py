"""What can go wrong with a model call: one error per kind of answer, each a sentence that says what to do."""


class EndpointUnusable(RuntimeError):
    """The endpoint cannot serve any call (down, wrong key, unknown model, bad setting): the run stops."""


class AnswerUnusable(RuntimeError):
    """This one answer cannot be used; its document goes to quarantine and the others go on.

    `kind`: refused | filtered | empty | truncated | overflow | rejected | malformed | failed.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
