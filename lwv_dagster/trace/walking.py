"""From an id to its trail: what it is of, the examples behind it, and what was made of them."""

from collections.abc import Callable
from dataclasses import replace

from assets.benchmark_scores.score_files import MODELS
from assets.traced_rows import Provenance, TracedRow
from lwv_dagster.trace.evidence import Evidence, ReadRow
from lwv_dagster.trace.gathering import add_document, add_examples, add_uses
from lwv_dagster.trace.naming import EXAMPLE, Asked, read_id
from lwv_dagster.trace.near import near_ids
from lwv_dagster.trace.trail import Kind, Trail, TrailCall, TrailExample, TrailPage, row_calls
from lwv_dagster.trace.trail_calls import call_of, with_prompts
from lwv_dagster.trace.wholes import checkpoint_trail, data_set_trail, score_trail
from resources.decisions.decision import Decision
from resources.decisions.people import People
from resources.ledger import Ledger
from resources.ledger_calls import call_facts
from resources.sent_prompts import prompt_tree
from resources.store import Store


class UnknownIdError(LookupError):
    """Nothing here has this id; the sentence names some that are near."""


def trace(store: Store, text: str) -> Trail:
    """The trail of a file, document, page, example, segment, call, pair, row, data set, checkpoint, score or decision.

    Raises UnknownIdError, LedgerError.
    """
    asked, evidence = read_id(text), Evidence(store)
    ledger = Ledger.at(store.home) if (store.home / "calls.db").exists() else None
    try:
        trail = _Walk(evidence, ledger, asked).trail()
        if trail is None:
            near = near_ids(evidence, asked)
            says = f" Near it: {', '.join(near)}." if near else ""
            raise UnknownIdError(
                f"{asked.text} is the id of no file, page, segment, example, call, row, data set, checkpoint or score "
                f"of {store.home}.{says}"
            )
        if ledger is not None:
            trail.examples = with_prompts(ledger, trail.examples)
            trail.messages = prompt_tree(ledger, (call.prompt for each in trail.examples for call in each.calls))
        return trail
    finally:
        if ledger is not None:
            ledger.close()


class _Walk:
    """One search. ledger: None where there is none."""

    def __init__(self, evidence: Evidence, ledger: Ledger | None, asked: Asked) -> None:
        self.evidence, self.ledger, self.asked = evidence, ledger, asked

    def trail(self) -> Trail | None:
        """The first that the id turns out to be of."""
        asked = self.asked
        if asked.within in MODELS:
            return score_trail(self.evidence, self.ledger, asked.within, asked.text)
        if asked.page is not None:
            return self._page()
        by_form: dict[str, tuple[Callable[[], Trail | None], ...]] = {
            "pair": (self._row,),
            "chat": (self._example,),
            "segment": (self._segment, self._example),
            "example": (self._example,),
            "short": (self._document, self._data_set, self._checkpoint),
            "long": (self._call, self._image, self._file_hash, self._decision),
            "path": (self._file,),
        }
        return next((found for look in by_form[asked.form] if (found := look())), None)

    # -- sources --------------------------------------------------------------------------------------------------
    def _file(self) -> Trail | None:
        entries = self.evidence.entries(self.asked.text.removeprefix("./"), "path")
        return self._of_document(str(entries[0]["document_id"]), "file") if entries else None

    def _file_hash(self) -> Trail | None:
        return self._of_document(self.asked.text[:16], "file")

    def _document(self) -> Trail | None:
        return self._of_document(self.asked.text, "document")

    def _page(self) -> Trail | None:
        entries = self.evidence.entries(self.asked.text, "path") if self.asked.form == "path" else []
        name = str(entries[0]["document_id"]) if entries else self.asked.text
        return self._of_document(name, "page", self.asked.page)

    def _image(self) -> Trail | None:
        pages = self.evidence.pages_of_image(self.asked.text)
        if not pages:
            return None
        trail = self._of_document(pages[0]["document_id"], "page", pages[0]["page"])
        for other in pages[1:]:
            if trail:
                where = f"{other['source_path']}, page {other['page']}"
                trail.notes.append(f"The same image is {where} ({other['document_id']}#{other['page']}).")
        return trail

    def _of_document(self, document_id: str, kind: Kind, page: int | None = None) -> Trail | None:
        rows = self._pages(document_id, page)
        if not rows:
            return self._unread(document_id, kind) if page is None else None
        first = rows[0]
        name = first.file if page is None else f"{first.file}, page {page}"
        shown = document_id if page is None else f"{document_id}#{page}"
        trail = Trail(shown, kind, name, pages=rows)

        def keep(example: Provenance, row: TracedRow) -> bool:
            seen = example["pages"][: row["images"]]
            return any(each["document_id"] == document_id and page in (None, each["page"]) for each in seen)

        add_document(trail, self.evidence, document_id, keep)
        if page is not None:
            trail.examples = [
                replace(each, calls=calls_about(each, places))
                for each in trail.examples
                if (places := places_of(each, document_id, page))
            ]
        return self._whole(trail)

    def _unread(self, document_id: str, kind: Kind) -> Trail | None:
        entries = self.evidence.entries(document_id, "document_id")
        if not entries:
            return None
        trail = Trail(document_id, kind, str(entries[0]["path"]))
        trail.left_out = self.evidence.left_out([document_id], [str(entry["shard"]) for entry in entries])
        trail.notes.append("It was registered, and no page of it stands in the tables.")
        return trail

    def _pages(self, document_id: str, page: int | None) -> list[TrailPage]:
        columns = ["document_id", "page", "image_sha256", "source_path", "licence"]
        for shard in self.evidence.shards_of(document_id):
            rows = self.evidence.read("source_images", shard, columns, "document_id", [document_id])
            found = [_page(row) for row in rows if page in (None, row["page"])]
            if found:
                return found
        return []

    # -- what was written -----------------------------------------------------------------------------------------
    def _example(self) -> Trail | None:
        kind: Kind = "row" if self.asked.within else "example"
        return self._of_example(self.asked.text, self.asked.text, kind, lambda example, row: True)

    def _segment(self) -> Trail | None:
        index = int(self.asked.text[-3:])
        trail = self._of_example(
            self.asked.text,
            self.asked.example,
            "segment",
            lambda example, row: row["upto"] is None or index < row["upto"],
        )
        if trail is None or not any(
            each.segment_id == self.asked.text for example in trail.examples for each in example.segments
        ):
            return None
        trail.pages = list(
            {
                (page.document_id, page.page): page
                for example in trail.examples
                for segment in example.segments
                if segment.segment_id == self.asked.text
                for page in (example.pages[segment.page - 1 : segment.page] if segment.page else example.pages)
            }.values()
        )
        trail.examples = [
            replace(example, calls=[call for call in example.calls if call.segment in (None, index)])
            for example in trail.examples
        ]
        return trail

    def _row(self) -> Trail | None:
        name = self.asked.text
        trail = self._of_example(name, self.asked.example, "row", lambda example, row: row["id"] == name)
        if trail is None:
            return None
        trail.rows = [row for row in trail.rows if row.id == name]
        if trail.rows:
            kept = {row.data_set for row in trail.rows}
            trail.data_sets = [each for each in trail.data_sets if each.id in kept]
            trail.examples = [each for each in trail.examples if each.data_set in kept] or trail.examples
            reached = {row.data_set: row for row in trail.rows}
            trail.examples = [
                replace(each, calls=row_calls(reached[each.data_set], each)) if each.data_set in reached else each
                for each in trail.examples
            ]
        elif not self._paired(name):
            return None
        else:
            trail.notes.append("No data set holds this pair now.")
        return self._whole(trail)

    def _paired(self, name: str) -> bool:
        return any(
            self.evidence.read("preference_pairs", shard, ["pair_id"], "pair_id", [name])
            for shard in self.evidence.shards_of(name[:16])
        )

    def _of_example(
        self, shown: str, example_id: str, kind: Kind, keep: Callable[[Provenance, TracedRow], bool]
    ) -> Trail | None:
        trail = Trail(shown, kind, "")
        add_examples(trail, self.evidence, [example_id], keep)
        if self.asked.within:
            trail.rows = [row for row in trail.rows if row.data_set == self.asked.within]
            trail.data_sets = [each for each in trail.data_sets if each.id == self.asked.within]
            mine = [each for each in trail.examples if each.data_set == self.asked.within]
            trail.examples = mine or [each for each in trail.examples if not each.data_set and trail.rows]
        if not trail.examples and not trail.rows:
            return None
        pages = [page for example in trail.examples for page in example.pages]
        trail.pages = list({(page.document_id, page.page): page for page in pages}.values())
        trail.name = ", ".join(dict.fromkeys(page.file for page in trail.pages))
        documents = list(dict.fromkeys(page.document_id for page in trail.pages))
        shards = [shard for name in documents for shard in self.evidence.shards_of(name)]
        left_out = self.evidence.left_out(documents, list(dict.fromkeys(shards)))
        trail.left_out = [each for each in left_out if each.item == example_id]
        return self._whole(trail)

    # -- calls and decisions --------------------------------------------------------------------------------------
    def _call(self) -> Trail | None:
        call_id = self.asked.text
        facts = call_facts(self.ledger, [call_id]).get(call_id) if self.ledger else None
        if facts is None:
            return None

        def keep(example: Provenance, row: TracedRow) -> bool:
            mine = [each for each in example["calls"] if each["call_id"] == call_id]
            return any(each["segment"] is None or row["upto"] is None or each["segment"] < row["upto"] for each in mine)

        trail = Trail(call_id, "call", f"{facts.role}, {facts.step} of {facts.sample}")
        if EXAMPLE.fullmatch(facts.sample):
            add_examples(trail, self.evidence, [facts.sample], keep)
        else:
            add_document(trail, self.evidence, facts.sample, keep)
        pages = [page for example in trail.examples for page in example.pages]
        trail.pages = list({(page.document_id, page.page): page for page in pages}.values())
        made = any(call.call_id == call_id for example in trail.examples for call in example.calls)
        trail.examples = [
            replace(example, calls=[call for call in example.calls if call.call_id == call_id])
            for example in trail.examples
        ]
        if not made:
            trail.notes.append(
                f"It ended as `{facts.status}`, and no text of now is its answer: it was replaced, or it is a judge's."
            )
            trail.examples = [replace(example, calls=[call_of(facts)]) for example in trail.examples[:1]]
        add_uses(trail, self.evidence)
        if facts.role == "judge" and facts.step.startswith("judge-") and "draft" not in facts.step:
            model = facts.step.removeprefix("judge-")
            trail.scores = [score for score in self.evidence.scores(items=[facts.sample]) if score.model == model]
        trail.cost_usd = facts.cost_usd
        return trail

    def _decision(self) -> Trail | None:
        if self.ledger is None:
            return None
        found: Decision | None = next(
            (each for each in People(self.ledger).decisions() if each.decision_id == self.asked.text), None
        )
        if found is None:
            return None
        target = _Walk(self.evidence, self.ledger, read_id(found.target)).trail()
        trail = target or Trail(found.target, "decision", found.target, notes=["Its target is gone."])
        trail.id, trail.kind = self.asked.text, "decision"
        trail.notes.insert(0, f"{found.who} decided `{found.verdict}` on {found.kind} {found.target}.")
        return trail

    def _data_set(self) -> Trail | None:
        return data_set_trail(self.evidence, self.asked.text)

    def _checkpoint(self) -> Trail | None:
        return checkpoint_trail(self.evidence, self.asked.text)

    def _whole(self, trail: Trail) -> Trail:
        add_uses(trail, self.evidence)
        newest = dict[str, float]()
        for example in trail.examples:  # as the current data set has it, which comes first
            newest.setdefault(example.example_id, example.cost_usd)
        trail.cost_usd = sum(newest.values())
        return trail


def places_of(example: TrailExample, document_id: str, page: int) -> set[int]:
    """Where among the images of an example a page stands, 1-based. Pure."""
    return {at for at, each in enumerate(example.pages, 1) if (each.document_id, each.page) == (document_id, page)}


def calls_about(example: TrailExample, places: set[int]) -> list[TrailCall]:
    """The calls of an example that are about some of its pages, or about all. places: of the pages, 1-based. Pure."""
    about = {index for index, each in enumerate(example.segments) if each.page is None or each.page in places}
    return [call for call in example.calls if call.segment is None or call.segment in about]


def _page(row: ReadRow) -> TrailPage:
    return TrailPage(row["document_id"], row["page"], row["image_sha256"], row["source_path"], row["licence"])
