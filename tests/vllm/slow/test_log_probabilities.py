"""A checkpoint that we trained is the same model in vLLM as in transformers."""

from pathlib import Path

import pytest

from resources.endpoints import student_endpoint
from resources.settings import Settings
from resources.training.checkpoint import current_checkpoint
from resources.vllm.served_endpoints import Serving
from testing.served_texts import ask_vllm, score_by_transformers
from tests.training.test_preference_round import metadata_of
from tests.vllm.slow.conftest import Said, Served

pytestmark = pytest.mark.slow
TOKENS = 24
TOLERANCE = 1e-3  # nats a token, between two float32 kernels; measured: 1.2e-6 (tiny), 2.5e-5 (smol)
PROMPTS = {
    "What does this page say?": 1,
    "Compare these two pages in a few words.": 2,
    "Write a short story about these pages.": 3,
    "Which of the pages is the last one? Give reasons.": 4,
    "Write a lecture script of 200 words for these slides.": 8,
}


@pytest.mark.parametrize("student", ["tiny", "smol"])
def test_five_prompts_with_images_have_the_same_log_probabilities(
    student: str, made: list[Said], served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory, _ = served.factory, made
    monkeypatch.setenv("LWV_STUDENT", student)
    metadata_of(factory.run("training_job", assets=["sft_dataset", "sft_checkpoint"]))
    checkpoint = current_checkpoint(factory.store, "sft")
    images = sorted((factory.home / "images").rglob("*.jpg"))
    endpoint = student_endpoint(str(checkpoint))
    assert endpoint is not None
    api = Serving(factory.home, Settings()).address(endpoint)
    worst = 0.0
    for request, count in PROMPTS.items():
        worst = max(worst, difference(api, endpoint.model, checkpoint, request, images[:count]))
    print(f"{student}: largest difference {worst:.2g} nats")
    assert worst <= TOLERANCE


def difference(api: str, model: str, checkpoint: Path, request: str, images: list[Path]) -> float:
    """The largest difference of a token's log-probability; the ids of the prompt are equal."""
    theirs = ask_vllm(api, model, request, images, TOKENS)
    ours = score_by_transformers(checkpoint, request, images, theirs.text)
    assert ours.prompt == theirs.prompt
    assert theirs.text
    return max(abs(one - other) for one, other in zip(ours.logprobs, theirs.logprobs, strict=True))
