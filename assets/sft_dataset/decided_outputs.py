"""Written examples with what people decided about them: corrected sections in their texts, and those to leave out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from assets.long_outputs.schema import LONG_OUTPUTS, LongOutput, Section
from assets.segments.splitter import output_texts, segment_id
from assets.sft_dataset.keep import COLUMNS, Reason
from resources.authors import with_person
from resources.decisions.decision import Decision, Target, text_hash
from resources.decisions.quarantined import LIFTABLE, rule_target
from resources.decisions.settle import Settled, settle
from resources.store import Store
from resources.text.headings import SEPARATOR
from resources.text.words import count_words


class DecidedOutputs:
    """The written examples of a factory under these decisions. alike: of the recipe."""

    def __init__(self, store: Store, decisions: Iterable[Decision], alike: float) -> None:
        self.store, self.alike = store, alike
        self.decisions: defaultdict[Target, list[Decision]] = defaultdict(list)
        for decision in decisions:
            self.decisions[decision.about].append(decision)
        self._accepting = {each.about for some in self.decisions.values() for each in some if each.verdict == "accept"}

    def settled(self, seen: dict[Target, str]) -> dict[Target, Settled]:
        """What the decisions on these targets come to. seen: as in `settle`."""
        return settle((each for target in seen for each in self.decisions.get(target, ())), seen, self.alike)

    def written(self, shard: str) -> Iterator[LongOutput]:
        """A shard's long_outputs rows (COLUMNS), as they were written."""
        return self.store.rows(LONG_OUTPUTS, shard, COLUMNS)

    def decided(self, row: LongOutput) -> LongOutput:
        """A row of the sft split with each corrected section in place of the written one; the row itself where there is
        none."""
        if not self.decisions:
            return row
        texts = output_texts(row)
        outcomes = self.settled(segments_seen(row["example_id"], [text for _, text in texts]))
        corrected = {
            index: outcome.decision.text
            for index in range(len(texts))
            if (outcome := outcomes.get(Target("segment", segment_id(row["example_id"], index))))
            and outcome.decision
            and outcome.decision.verdict == "corrected"
        }
        return with_sections(row, texts, corrected) if corrected else row

    def accepted(self, row: LongOutput) -> list[str]:
        """The rules of the sft gate that people let an example through. row: as it was decided."""
        if not self._accepting:
            return []
        seen = {rule_target("sft_dataset", rule, row["example_id"]): text_hash(row["output"]) for rule in LIFTABLE}
        outcomes = self.settled({target: found for target, found in seen.items() if target in self._accepting})
        counting = {target for target, each in outcomes.items() if each.decision and each.decision.verdict == "accept"}
        return [rule for rule, target in zip(LIFTABLE, seen, strict=True) if target in counting]

    def dropped(self, row: LongOutput) -> Reason | None:
        """Why people leave an example out, or one of its sections; None where they do not. row: as it was written."""
        if not self.decisions:
            return None
        seen = whole_seen(row)
        if row["split"] == "sft":
            seen |= segments_seen(row["example_id"], [text for _, text in output_texts(row)])
        outcomes = self.settled(seen)
        return next((reason for target in outcomes if (reason := drop_of(target, outcomes[target]))), None)


def whole_seen(row: LongOutput) -> dict[Target, str]:
    """The hashes of an example and of its documents, whose ids are those of their pages."""
    return {Target("example", row["example_id"]): text_hash(row["output"])} | {
        Target("document", name): text_hash(name) for name in row["documents"]
    }


def segments_seen(example_id: str, texts: Iterable[str]) -> dict[Target, str]:
    """The hashes of the segments of an example that no critic has seen."""
    return {Target("segment", segment_id(example_id, index)): text_hash(text) for index, text in enumerate(texts)}


def drop_of(target: Target, outcome: Settled) -> Reason | None:
    """The reason to leave out what a target stands for; None where it is not dropped."""
    if outcome.decision is None or outcome.decision.verdict != "drop":
        return None
    why = f": {outcome.decision.reason}" if outcome.decision.reason else ""
    return Reason("dropped", f"a person left {target.kind} {target.id} out{why}")


def with_sections(row: LongOutput, texts: Sequence[tuple[int | None, str]], corrected: dict[int, str]) -> LongOutput:
    """The row with other texts of some segments. texts: what it is cut into; corrected: index -> the text in place."""
    output = SEPARATOR.join(filter(None, (corrected.get(index, text) for index, (_, text) in enumerate(texts))))
    if row["kind"] == "deck":
        pages = {page: corrected[index] for index, (page, _) in enumerate(texts) if page and index in corrected}
        kept = [section for section in row["sections"] if section["pages"] not in [[page] for page in pages]]
        sections = [*kept, *(_page(text, page) for page, text in pages.items())]
    else:
        sections = list(row["sections"])
        for index, text in corrected.items():
            sections[index] = {**sections[index], "text": text, "words": count_words(text)}
    return {
        **row,
        "output": output,
        "sections": sections,
        "words": count_words(output),
        "author": with_person(row["author"]),
    }


def _page(text: str, page: int) -> Section:
    """A page that a person wrote: no plan and no call stands behind it."""
    return {
        "index": page - 1,
        "heading": text.partition("\n")[0].lstrip("# "),
        "target_words": 0,
        "text": text,
        "words": count_words(text),
        "pages": [page],
        "call_id": "",
    }
