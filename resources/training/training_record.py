"""The record of a finished run, `training.json` in its checkpoint folder. No torch."""

from typing import Literal, NotRequired, TypedDict


class PreferenceCurves(TypedDict):
    """Of preference training, per logged step."""

    accuracies: list[float]
    margins: list[float]
    from_ln_2: list[float]  # of the first step alone: how far its preference losses are from ln 2 (packed documents)


class KindRecord(TypedDict):
    """What a kind of training adds to the record."""

    kind: Literal["sft", "dpo"]
    base: str  # what was trained on: a folder or hub id
    left_out: NotRequired[dict[str, int]]  # preference pairs that were not trained on, by reason
    tokens_pair_by_pair: NotRequired[int]  # of one epoch of DPO, each side computed for itself
    tokens_packed: NotRequired[int]  # … and as they were computed
    accuracies: NotRequired[list[float]]
    margins: NotRequired[list[float]]
    from_ln_2: NotRequired[list[float]]


class TrainingRecord(KindRecord):
    """What every run says of itself."""

    student: str
    dataset_id: str
    recipe: dict[str, object]  # the hyperparameters, under their name in the file
    authors: list[str]  # of the data
    embedded: bool  # whether the embedded model is among them
    losses: list[float]  # per logged step
    validation: NotRequired[list[float]]  # the loss of the documents that were held back, each time it was looked at
    ended: NotRequired[list[float]]  # of a few samples, the loss of a token when training ended …
    saved: NotRequired[list[float]]  # … and of the saved model, loaded as it is served
    steps: int
    seconds: float  # since it was started last
    tokens: int  # trained on, all epochs
    tokens_per_second: float
    wrote: list[int]  # tokens that the saved model wrote once it was loaded from disk
    versions: dict[str, str]  # package -> version
