"""Every LWV_* setting that is not an endpoint, read from the environment in one place."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from resources.wanted import wrong_settings


class SettingError(ValueError):
    """A setting cannot be used; the sentence has its name in the environment."""


class Settings(BaseSettings):
    """Where the factory reads and writes, and how large it works. Each field is `LWV_<NAME>` in the environment.

    Raises SettingError.
    """

    model_config = SettingsConfigDict(env_prefix="LWV_", extra="ignore", env_ignore_empty=True)

    home: Path = Field(default=Path(".lwv"), description="Tables, images, ledger, data sets, checkpoints, reports.")
    sources: Path = Field(default=Path("samples"), description="One folder per collection of source documents.")
    max_side: int = Field(default=1024, ge=56, description="Longest side of a stored page image, pixels.")
    max_file_mb: int = Field(default=200, ge=1, description="A larger source file goes to quarantine, MB.")
    max_pages: int = Field(default=400, ge=1, description="A longer document goes to quarantine, pages.")
    readers: int | None = Field(
        default=None, ge=1, description="Processes that read source files side by side; unset: one for each CPU."
    )
    reader_mb: int = Field(default=1300, ge=1000, description="Memory that one of them may take, MB of addresses.")
    page_seconds: int = Field(default=60, ge=1, description="Seconds that a page of a source file may take.")
    shard_documents: int = Field(default=256, ge=1, le=256, description="Documents in a shard, at most.")
    recipe: str = Field(
        default="", description="How data is made: a TOML file, or a preset of resources/recipe/presets."
    )
    budget_usd: float | None = Field(default=None, gt=0, description="What the calls of one run may cost, US dollars.")
    budget_tokens: int | None = Field(default=None, gt=0, description="Tokens that the calls of one run may use.")
    prices: Path | None = Field(default=None, description="A TOML file of prices of your own.")
    look_port: int = Field(
        default=3001, ge=1, le=65535, description="Where `lwv look` is, on this machine; failed checks link to it."
    )
    prompt_order: Literal["append", "reference"] = Field(
        default="append",
        description=(
            "`append`: a chat that only grows, images first; `reference`: the paper's scripts, images last, to compare."
        ),
    )
    student: str = Field(
        default="tiny",
        description=(
            "The model that is trained: `tiny`, `smol`, or a local path or hub id of a model of a known family."
        ),
    )

    vllm_python: Path | None = Field(
        default=None, description="The Python of an environment with vLLM; unset: `.vllm` beside this project."
    )
    vllm_context: int | None = Field(
        default=None,
        ge=512,
        description="Tokens of prompt and answer that a vLLM of ours takes; unset: 32,768 at most.",
    )
    vllm_start_s: float = Field(default=900, gt=0, description="Seconds that a vLLM of ours may take to load.")
    vllm_replicas: int = Field(
        default=1,
        ge=1,
        description="Servers of vLLM side by side, each with its share of the GPUs; a document stays with one.",
    )
    vllm_args: str = Field(default="", description="Further arguments of a vLLM of ours, as in a shell.")

    label_studio_url: str = Field(
        default="", description="Where Label Studio answers: what people decided is read there."
    )
    label_studio_token: SecretStr | None = Field(default=None, description="The (legacy) token of an account there.")

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingError(wrong_settings("LWV_", error, type(self).model_json_schema())) from error

    def absolute(self) -> "Settings":
        """The same settings with `home`, `sources` and a student's folder as absolute paths, safe to hand to a
        subprocess.

        Raises SettingError where one of them can be no path.
        """
        student = Path(self.student).resolve() if Path(self.student).is_dir() else self.student
        paths = {name: _absolute(name, getattr(self, name)) for name in ("home", "sources")}
        return self.model_copy(update={**paths, "student": str(student)})


def _absolute(name: str, path: Path) -> Path:
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError) as error:  # `~nobody`, a link to itself
        raise SettingError(f"LWV_{name.upper()} is {str(path)!r}, which leads nowhere: {error}.") from error
