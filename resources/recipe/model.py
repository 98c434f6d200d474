"""The recipe: every rule of how the data set is made, named and switchable. A leaf: it imports nothing of ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Family = Literal["ppt_script", "medical_report", "travel_guide", "story", "scenery_copywriting", "movie_review"]
DeckTask = Literal["lecture_script", "speaker_notes", "study_guide", "explainer"]
Length = Annotated[int, Field(ge=50, le=100_000)]  # words


class UndeclaredFieldError(AttributeError):
    """A step reads a field of the recipe that its `step.py` does not declare, so its tables would not know of it."""


class Part(BaseModel):
    """A section of the recipe, or the recipe itself."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    if not TYPE_CHECKING:  # a type checker would take any name for a field

        def __getattr__(self, name: str) -> object:
            if name in type(self).model_fields:
                raise UndeclaredFieldError(
                    f"{type(self).__name__}.{name} is read by a step that does not declare it: name it in the `fields` "
                    "of the step's step.py."
                )
            return super().__getattr__(name)


class Lengths(Part):
    """Words to write to where no page and no request says so; drawn by the document's hash."""

    single: tuple[Length, ...] = Field((500, 800, 1200, 1600, 2400, 4200), min_length=1)
    multi: tuple[Length, ...] = Field((800, 1200, 2000, 3000, 4500), min_length=1)


class Instructions(Part):
    """What is asked of the documents (docs/method.md 1.1, 1.2)."""

    need_long: bool = True  # a request that needs no long article, or an irrelevant image, is rejected
    groups: tuple[Literal[2, 4], ...] = (2, 4)  # sizes of groups of single images of one collection; empty: none
    group_share: float = Field(0.5, ge=0, le=1)  # of single images that are also in such a group
    deck_tasks: tuple[DeckTask, ...] = Field(
        ("lecture_script", "speaker_notes", "study_guide", "explainer"), min_length=1
    )
    lecture_share: float = Field(0.7, ge=0, le=1)  # of decks whose task is the lecture script
    rewritten_share: float = Field(0.25, ge=0, le=1)  # of other deck tasks that the teacher rewrites for the deck
    chinese_share: float = Field(0.25, ge=0, le=1)  # of documents without text; others follow their text
    families: dict[str, tuple[Family, ...]] = {}  # collection, or "*" -> families of MMLongBench-Write to ask for
    stated_share: float = Field(0.4, ge=0, le=1)  # of examples that state their length before they are written
    back_translated_share: float = Field(0.226, ge=0, le=1)  # … that state it after: the length that was written
    words: Lengths = Lengths()
    words_per_page: int = Field(200, ge=20, le=2000)  # of a deck
    chapter_pages: int = Field(26, ge=1)  # a longer deck is written in chapters

    @model_validator(mode="after")
    def shares_fit(self) -> Self:
        """Raises ValueError where the two shares of lengths do not fit together."""
        if self.stated_share + self.back_translated_share > 1:
            raise ValueError("stated_share and back_translated_share add up to more than 1")
        return self


class Writing(Part):
    """How a text is planned and written (docs/method.md 2)."""

    section_words: int = Field(200, ge=50, le=1000)  # of anything but a deck; the method allows 200 to 1,000
    most_sections: int = Field(50, ge=1)  # LongWriter's cap; longer texts have longer sections
    most_words: int = Field(32_000, ge=100)  # a request for more goes to quarantine
    band: tuple[float, float] = (0.8, 1.25)  # a section outside, times its target, is rewritten once
    length_control: bool = True  # off: as the paper, one pass, no rewrite for length
    loop_control: bool = True  # a looping section is rewritten once, then cut at the loop
    continuations: int = Field(2, ge=0)  # calls, at most, that continue a section cut by max_tokens
    temperature: float = Field(0.7, ge=0, le=2)

    @model_validator(mode="after")
    def band_is_around_the_target(self) -> Self:
        """Raises ValueError where 1 is not within the band."""
        if not 0 < self.band[0] <= 1 <= self.band[1]:
            raise ValueError("band is [low, high] with 0 < low <= 1 <= high")
        return self


class Keep(Part):
    """Which written examples may be trained on (docs/method.md 6.2)."""

    length_score: float = Field(80, ge=0, le=100)  # at least, against the stated length
    repeated_share: float = Field(0.3, ge=0, le=1)  # at most, of a text's sentences
    coverage: bool = True  # every page has a section
    language: bool = True  # written in the language of the request
    refusals: bool = True  # no paragraph that is a refusal or an error text
    near_duplicate: float = Field(0.8, gt=0, le=1)  # Jaccard similarity of 5-word shingles; 1: exact ones only


class Mix(Part):
    """What SFT is trained on (docs/method.md 1.3, 5)."""

    size: int | None = Field(None, ge=1)  # examples; unset: all that are kept
    kinds: dict[Literal["single", "multi", "deck"], float] = {}  # shares; empty: as they come
    buckets: dict[Literal["<500", "500-1500", "1500-2000", "2000-4000", ">4000"], float] = {}  # shares by words written
    long_share: float = Field(0.2, ge=0, le=1)  # at least, of texts over 4,000 words
    short_share: float = Field(0.1, ge=0, le=1)  # at least, of texts under 1,500 words: against over-writing
    chat: Path | None = None  # a JSONL file of general chat: {"messages": [...]} a line
    chat_rows: int = Field(0, ge=0)  # so many of its rows, on top of `size`
    seed: int = 42

    @model_validator(mode="after")
    def shares_fit(self) -> Self:
        """Raises ValueError where shares contradict each other or chat has no file."""
        found = []
        if self.long_share + self.short_share > 1:
            found.append("long_share and short_share add up to more than 1")
        for name, shares in (("kinds", self.kinds), ("buckets", self.buckets)):
            if shares and (min(shares.values()) < 0 or not sum(shares.values())):
                found.append(f"the shares of {name} are to be positive numbers")
        if self.chat_rows and self.chat is None:
            found.append(f"chat_rows asks for {self.chat_rows} rows of general chat: name a JSONL file in chat")
        if found:
            raise ValueError("; ".join(found))
        return self


class Corrections(Part):
    """Which drafts the critic corrects (docs/method.md 3.1), and when people agree (docs/decisions.md)."""

    drafts: Literal["auto", "checkpoint", "teacher"] = "auto"  # auto: the checkpoint's where `drafts` has the shard
    alike: float = Field(0.9, ge=0, le=1)  # from this likeness on, the corrections of two people are one


class Sampling(Part):
    """How a checkpoint's texts are sampled, besides their temperature; never as the base model's own file says."""

    top_p: float = Field(0.95, gt=0, le=1)
    top_k: int = Field(0, ge=0)  # tokens that may be drawn; 0: all
    min_p: float = Field(0, ge=0, le=1)  # of the likeliest token's probability, that a token needs at least
    repetition_penalty: float = Field(1, gt=0, le=2)  # 1: none
    presence_penalty: float = Field(0, ge=-2, le=2)


class Pairs(Part):
    """Preference pairs (docs/method.md 3.2 to 3.4). Shares are of the weight in training; 0 leaves a kind out."""

    cumulative: float = Field(0.3, ge=0)
    shared_prefix: float = Field(0.3, ge=0)
    whole: float = Field(0.2, ge=0)
    sampled: float = Field(0.2, ge=0)
    last_share: float = Field(0.5, ge=0, lt=1)  # of a document's cumulative weight on its last prefix; 0: the paper's
    samples: int = Field(4, ge=1)  # drafts of one example, for `sampled`; the first is corrected
    temperature: float = Field(0.8, gt=0, le=2)  # of drafts: above the benchmark's 0.6, so that they differ
    sampling: Sampling = Sampling()  # of drafts
    margin: float = Field(5.0, ge=0)  # least difference of (S_l + S_q) / 2 between the sides, points


class Scores(Part):
    """How checkpoints write for the benchmark (docs/method.md 4.1)."""

    temperature: float = Field(0.6, gt=0, le=2)
    sampling: Sampling = Sampling()


class Training(Part):
    """How the student is trained. Unset: the student's own value (resources/training/*/hyperparameters.py)."""

    sharding: Literal["fsdp2", "zero3", "none"] = "fsdp2"  # how several GPUs share the weights
    lora_rank: int = Field(0, ge=0)  # of adapters on the language model; 0: full fine-tuning
    freeze_vision: bool | None = None
    max_pixels: int | None = Field(None, ge=784)  # of an image, kept with the checkpoint; unset: the base model's own
    max_tokens: int = Field(32_768, ge=256)  # of one forward pass; a longer row is refused, never cut
    sft_learning_rate: float | None = Field(None, gt=0)
    sft_epochs: float | None = Field(None, gt=0, le=1000)
    sft_steps: int | None = Field(None, ge=1)  # instead of epochs
    sft_documents: int | None = Field(None, ge=1)  # of an update, on all devices together
    dpo_learning_rate: float | None = Field(None, gt=0)
    dpo_epochs: float | None = Field(None, gt=0, le=1000)
    dpo_steps: int | None = Field(None, ge=1)
    dpo_pairs: int | None = Field(None, ge=1)  # of an update, about: whole documents
    scheduler: Literal["cosine", "linear", "constant"] = "cosine"  # of the rate, behind its warm-up
    warmup_share: float = Field(0.1, ge=0, le=1)  # of the steps
    seed: int = Field(42, ge=0, lt=2**32)
    tokens_per_pass: int | None = Field(None, ge=256)  # documents share a pass up to so many; unset: one a pass
    save_steps: int | None = Field(None, ge=1)  # between points from which a killed run goes on
    validation_share: float = Field(0, ge=0, le=0.5)  # of the documents, not trained on: their loss is logged beside
    eval_steps: int | None = Field(None, ge=1)  # between looks at them; unset: save_steps
    patience: int | None = Field(None, ge=1)  # such looks without a lower loss end the training early
    vision_rate: float | None = Field(None, gt=0)  # of the vision tower, with freeze_vision = false
    merger_rate: float | None = Field(None, gt=0)  # of what joins it to the language model; unset: as the tower's
    compile_layers: bool = False  # of the language model, by torch.compile: worth it on a GPU, in long runs
    optimizer: Literal["adamw", "adamw_8bit"] = "adamw"  # adamw_8bit: its moments take 2 bytes of a weight, not 8
    reports: Literal["tensorboard", "wandb", "mlflow", "trackio", "none"] = "tensorboard"  # where curves are written
    packing: Literal["documents", "pairs"] = "documents"  # pairs: TRL's own trainer, pair by pair, without weights
    layout: Literal["images_first", "interleaved", "paper"] = "images_first"  # where a pair's images stand
    beta: float = Field(0.1, gt=0)
    loss: Literal["sigmoid", "sigmoid_norm"] = "sigmoid"  # sigmoid_norm: per token; wants a much larger beta
    sft_weight: float = Field(0, ge=0)  # of the mean loss of a chosen token, added to a pair's loss
    ld_alpha: float | None = Field(None, ge=0, le=1)  # tokens past the shorter side's length count so (LD-DPO)
    reference: Literal["live", "stored"] = "stored"  # its sums: computed each pass, or once and kept

    @model_validator(mode="after")
    def pairs_are_plain(self) -> Self:
        """Raises ValueError for a layout that TRL's own trainer cannot show."""
        if self.packing == "pairs" and self.layout == "interleaved":
            raise ValueError('interleaved images are trained with packing = "documents" alone')
        return self

    @model_validator(mode="after")
    def patience_has_a_loss(self) -> Self:
        """Raises ValueError for an early stop without documents that tell when."""
        if self.patience is not None and not self.validation_share:
            raise ValueError("patience needs validation_share above 0: the loss of these documents decides")
        return self


class Checks(Part):
    """What the checks let pass. A field that came after 0.3 is in `resources.recipe.view.LATER`."""

    quarantine_share: float = Field(0.5, ge=0, le=1)  # most of a step's documents or examples; an empty table never
    instruction_characters: int = Field(4000, ge=100)  # most of an instruction
    length_score: float = Field(80, ge=0, le=100)  # least of a long output, against its stated length (a warning)
    repeated_share: float = Field(0.3, ge=0, le=1)  # most of a long output's sentences (a warning)
    whole_drafts: float = Field(0.5, ge=0, le=1)  # least share of drafts that ended by themselves (a warning)
    unfaithful_share: float = Field(0.1, ge=0, le=1)  # most of the segments with a number on no page (a warning)
    drift_rows: int = Field(100, ge=20)  # of a shard, and of those before it, under which drift cannot be told
    drift_psi: float = Field(0.25, gt=0)  # both from here on: the signal has drifted (a warning; docs/quality.md)
    drift_ks: float = Field(0.2, gt=0, le=1)
    judged_share: float = Field(0.9, ge=0, le=1)  # least share of the answers that the judge scored (a warning)


class Gate(Part):
    """What may go through the quality gates to training."""

    mixed_recipes: bool = False  # shards that were made under different recipes may be trained on together


class Recipe(Part):
    """All of it, a section for each part of the factory."""

    instructions: Instructions = Instructions()
    writing: Writing = Writing()
    checks: Checks = Checks()
    gate: Gate = Gate()
    keep: Keep = Keep()
    mix: Mix = Mix()
    corrections: Corrections = Corrections()
    pairs: Pairs = Pairs()
    training: Training = Training()
    scores: Scores = Scores()
