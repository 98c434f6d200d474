"""What two data sets differ in, as values: rows, distributions, cost, recipe lines, the worst and best of each."""

from dataclasses import asdict, dataclass, field

BY = ("text", "prompt", "kind", "image")  # what a row can have changed by
LISTED = 10_000  # ids of a kind; the rest is counted


@dataclass(frozen=True)
class SideName:
    """One of the two. home: the LWV_HOME that it is in."""

    id: str
    gate: str
    home: str
    rows: int
    examples: int


@dataclass(frozen=True)
class Counts:
    """Rows: on one side alone, the same on both (weights apart), and those that changed, also by what."""

    only_a: int
    only_b: int
    same: int
    changed: int
    text: int
    prompt: int
    kind: int
    image: int


@dataclass(frozen=True)
class Changed:
    """Rows that both have and that are not the same. by: of text | prompt | kind | image, in this order."""

    id: str
    by: list[str]


@dataclass(frozen=True)
class Weights:
    """Rows that both have. alone: those whose weight is all that changed; largest: by which one changed most."""

    changed: int
    alone: int
    largest: float


@dataclass(frozen=True)
class Spread:
    """How one thing is spread over each side's rows. bins: what -> how many in A, how many in B; means of numbers."""

    what: str
    bins: dict[str, tuple[int, int]]
    mean_a: float | None = None
    mean_b: float | None = None


@dataclass(frozen=True)
class Costs:
    """US dollars of the examples behind the rows: in all, and of those that are on one side alone."""

    a: float
    b: float
    only_a: float
    only_b: float


@dataclass(frozen=True)
class RecipeLine:
    """A field of the recipe, a setting, a prompt file or a model that differs: its values as JSON; none where it was
    not used."""

    name: str
    a: list[str]
    b: list[str]


@dataclass(frozen=True)
class Ranked:
    """A row by its doubt."""

    id: str
    kind: str
    doubt: int
    words: int


@dataclass(frozen=True)
class Difference:
    """A against B, two data sets of the same gate. only_a, only_b, changed: the first LISTED; counts: of all."""

    a: SideName
    b: SideName
    counts: Counts
    only_a: list[str]
    only_b: list[str]
    changed: list[Changed]
    weights: Weights
    spreads: list[Spread]
    costs: Costs
    recipe: list[RecipeLine]
    worst: tuple[list[Ranked], list[Ranked]]
    best: tuple[list[Ranked], list[Ranked]]
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """As `lwv diff --json` prints it."""
        return asdict(self)


def recipe_lines(a: dict[str, list[str]], b: dict[str, list[str]]) -> list[RecipeLine]:
    """The lines that differ. Pure."""
    names = sorted({*a, *b})
    return [RecipeLine(name, a.get(name, []), b.get(name, [])) for name in names if a.get(name) != b.get(name)]
