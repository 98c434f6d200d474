"""What a trail is: from any id back to its files, pages, licences, prompts and costs, and on to what was made of it."""

from dataclasses import asdict, dataclass, field
from typing import Literal

from assets.traced_rows import Gate
from resources.messages import Image
from resources.sent_prompts import PromptTree

Kind = Literal[
    "file", "document", "page", "example", "segment", "call", "row", "data set", "checkpoint", "score", "decision"
]


@dataclass(frozen=True)
class TrailPage:
    """A page that stands behind it. page: 1-based, of its document; image: sha256, empty behind a whole data set."""

    document_id: str
    page: int
    image: str
    file: str  # relative to LWV_SOURCES
    licence: str


@dataclass(frozen=True)
class TrailCall:
    """A call that made it. does: request | plan | write | correct | judge; segment: the one that it wrote or corrected,
    0-based; prompt: the last message of what was sent, in the trail's `messages`; empty where that is not known."""

    call_id: str
    does: str
    segment: int | None
    role: str
    model: str
    server: str
    template: str
    prompt: str
    tokens: int
    cost_usd: float
    at: float  # Unix time, seconds; 0 where the ledger does not know the call


@dataclass(frozen=True)
class TrailSegment:
    """A segment, with the decision of a person whose text stands there, if any."""

    segment_id: str
    page: int | None
    words: int
    doubt: int | None
    decision_id: str | None


@dataclass(frozen=True)
class TrailExample:
    """An example as one data set has it, or as the tables have it now (data_set is empty)."""

    example_id: str
    data_set: str
    shard: str
    kind: str  # single | multi | deck | chat
    language: str
    author: str
    corrector: str
    cost_usd: float
    pages: list[TrailPage]
    segments: list[TrailSegment]
    calls: list[TrailCall]


@dataclass(frozen=True)
class TrailRow:
    """A row of a data set."""

    data_set: str
    gate: str  # sft | preference
    id: str
    example_id: str
    kind: str
    upto: int | None
    weight: float
    words: int | None  # None where the data set is of before provenance and its rows do not say


@dataclass(frozen=True)
class TrailDataSet:
    """A data set. current: the gate let it through last."""

    id: str
    gate: Gate
    rows: int
    current: bool


@dataclass(frozen=True)
class TrailCheckpoint:
    """A checkpoint, the data set that it was trained on, and the checkpoint or model from which it began."""

    id: str
    kind: str  # sft | dpo
    data_set: str
    base: str


@dataclass(frozen=True)
class TrailScore:
    """What a model wrote for an item, and what it got. id: `<model>:<item>`; checkpoint: empty of base and teacher."""

    id: str
    model: str
    checkpoint: str
    length_score: float
    quality_score: float | None


@dataclass(frozen=True)
class LeftOut:
    """Why a step or a gate set it aside."""

    step: str
    item: str
    reason: str


@dataclass
class Trail:
    """All that is known of one id. name: for people; notes: what is not known, and why."""

    id: str
    kind: Kind
    name: str
    pages: list[TrailPage] = field(default_factory=list)
    examples: list[TrailExample] = field(default_factory=list)
    rows: list[TrailRow] = field(default_factory=list)
    data_sets: list[TrailDataSet] = field(default_factory=list)
    checkpoints: list[TrailCheckpoint] = field(default_factory=list)
    scores: list[TrailScore] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)  # of a whole data set: licence -> documents, …
    cost_usd: float = 0.0
    messages: PromptTree = field(default_factory=dict)  # by the id of a prompt: a message, and the one before it
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """As `lwv trace --json` prints it."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "messages"}
        whole = asdict(Trail(**plain))
        whole["messages"] = {
            prompt: {
                "parent": message.parent,
                "speaker": message.speaker,
                "parts": [{"image": part.sha256} if isinstance(part, Image) else part for part in message.parts],
            }
            for prompt, message in self.messages.items()
        }
        return whole


def row_calls(row: TrailRow, example: TrailExample) -> list[TrailCall]:
    """The calls of an example that one of its rows is made of: those up to the segment that it reaches. Pure."""
    sampled = row.kind == "sampled"
    return [
        call
        for call in example.calls
        if (call.does == "judge") == sampled or call.does in ("request", "plan")
        if call.segment is None or row.upto is None or call.segment < row.upto
    ]
