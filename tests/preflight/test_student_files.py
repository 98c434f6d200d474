"""A student that cannot be trained is refused by its files, before any page is read, and without torch."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.training.students.families.registry import FAMILIES
from resources.training.students.student_files import StudentError, look_at_student
from resources.training.students.tiny import build_tiny
from testing.students import build_student

ROOT = Path(__file__).resolve().parents[2]
SEES: dict[str, object] = {"vision_config": {}}
TOKENS = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """The folder of a model, as far as it is looked at."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl", "dtype": "bfloat16", **SEES}))
    (folder / "preprocessor_config.json").write_text("{}")
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "tokenizer.json").write_text(json.dumps({"added_tokens": [{"content": one} for one in TOKENS]}))
    (folder / "model.safetensors").write_bytes(weights(2000))
    return folder


def weights(size: int) -> bytes:
    """A file of so many bytes: a header, and one tensor."""
    for length in range(size):
        tensor = {"dtype": "BF16", "shape": [length // 2], "data_offsets": [0, length]}
        header = json.dumps({"w": tensor}).encode()
        if 8 + len(header) + length == size:
            return len(header).to_bytes(8, "little") + header + b"\0" * length
    raise AssertionError


def test_a_whole_model_is_taken_and_its_weights_are_counted(student: Path) -> None:
    found = look_at_student(str(student))
    assert (found.says, found.weights, found.family.name) == (str(student), 1000, "Qwen2.5-VL")


def test_the_built_student_is_what_the_factory_builds() -> None:
    assert look_at_student("tiny").weights is not None


def refused(name: object) -> str:
    with pytest.raises(StudentError, match="LWV_STUDENT=") as caught:
        look_at_student(str(name))
    return str(caught.value)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"model_type": "llama"}, "of the type `llama`, which reads no images: what can be trained here is"),
        ({"model_type": "llava", **SEES}, "of the type `llava`: what can be trained here is"),
        ({}, "of the type `None`"),
        ({"model_type": "qwen3_vl_moe", **SEES}, "of the type `qwen3_vl_moe`"),
        ({"model_type": "qwen3_5"}, "is the language model of a Qwen3.5 alone, which reads no images"),
        (
            {"model_type": "internvl", **SEES, "text_config": {"model_type": "gpt_oss"}},
            "one of the type `gpt_oss`",
        ),
        ({"model_type": "internvl_chat", "auto_map": {}, **SEES}, "of the type `internvl_chat`"),
        ({"model_type": "qwen2_5_vl", "quantization_config": {"bits": 4}, **SEES}, "is quantized"),
        ([], "no JSON object"),
    ],
)
def test_a_model_of_another_kind_is_refused(config: object, says: str, student: Path) -> None:
    (student / "config.json").write_text(json.dumps(config))
    assert says in refused(student)


def test_a_refusal_of_a_type_lists_every_family_there_is(student: Path) -> None:
    (student / "config.json").write_text(json.dumps({"model_type": "llava", **SEES}))
    said = refused(student)
    assert all(f"{family.name} (`{family.model_type}`)" in said for family in FAMILIES)
    assert said.count(".") == said.count("Qwen2.5") + said.count("Qwen3.5") + 1  # one sentence


@pytest.mark.parametrize("lost", ["<|image_pad|>", "<|im_end|>"])
def test_a_tokenizer_that_lacks_a_token_is_refused_by_its_name(lost: str, student: Path) -> None:
    names = [{"content": one} for one in TOKENS if one != lost]
    (student / "tokenizer.json").write_text(json.dumps({"added_tokens": names}))
    assert f"its tokenizer does not know {lost}," in refused(student)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json", "processor_config.json"])
def test_code_that_a_model_brings_is_refused_and_never_run(file: str, student: Path) -> None:
    path = student / file
    config = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**config, "auto_map": {"AutoProcessor": "own.Own"}}))
    (student / "own.py").write_text("raise SystemExit")
    assert f"brings code of its own (auto_map in its {file})" in refused(student)


def test_an_adapter_is_no_model(student: Path) -> None:
    (student / "config.json").rename(student / "adapter_config.json")
    assert "is an adapter, and no model by itself" in refused(student)


def test_half_a_download_is_refused(student: Path) -> None:
    whole = (student / "model.safetensors").read_bytes()
    for part, says in ((whole[:-1], "model.safetensors is cut short"), (whole[:5], "model.safetensors cannot be read")):
        (student / "model.safetensors").write_bytes(part)
        assert says in refused(student)


def test_a_model_without_a_chat_template_is_refused(student: Path) -> None:
    (student / "chat_template.jinja").unlink()
    assert "has no chat template" in refused(student)
    (student / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    look_at_student(str(student))


@pytest.mark.parametrize("kind", [family.model_type for family in FAMILIES])
def test_a_student_of_each_family_is_taken_and_a_slower_one_says_so(kind: str, tmp_path: Path) -> None:
    build_student(kind, ["A text about water.", "And one about bridges."], tmp_path / kind)
    found = look_at_student(str(tmp_path / kind))
    assert found.family.model_type == kind
    assert ("slower" in found.says) is (found.family.way != "packed")


def test_what_the_factory_saves_is_taken_as_a_student(tmp_path: Path) -> None:
    build_tiny(["A text about water.", "And one about bridges."], tmp_path / "tiny")
    found, built = look_at_student(str(tmp_path / "tiny")), look_at_student("tiny")
    assert found.weights and built.weights and found.weights < built.weights < 3 * found.weights


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "preprocessor_config.json", "model.safetensors"])
def test_what_is_missing_is_named(name: str, student: Path) -> None:
    (student / name).unlink()
    assert name.replace("model", "*") in refused(student)


def test_a_shard_of_the_weights_that_is_missing_is_named(student: Path) -> None:
    weights = {"a": "model-1.safetensors", "b": "model-2.safetensors"}
    (student / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))
    (student / "model.safetensors").rename(student / "model-1.safetensors")
    assert "model-2.safetensors is missing" in refused(student)
    (student / "model.safetensors.index.json").write_text("[]")
    assert "a readable model.safetensors.index.json" in refused(student)


def test_a_config_that_is_broken_is_refused(student: Path) -> None:
    (student / "config.json").write_bytes(b"\xff{")
    assert "config.json cannot be read" in refused(student)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tinny", "did you mean `tiny`?"),
        ("/models/nothing", "does not exist"),
        ("~/models/nothing", "does not exist"),
        ("owner/no such model", "neither a folder nor a hub id"),
        ("owner/model", "`hf download owner/model`"),
    ],
)
def test_a_name_that_leads_to_no_model_says_what_to_do(name: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    assert says in refused(name)


def test_a_file_is_no_student(student: Path) -> None:
    assert "is a file" in refused(student / "config.json")


def test_a_hub_that_cannot_be_reached_is_said_within_seconds(tmp_path: Path) -> None:
    """In a process of its own: the hub's client reads its environment once."""
    code = (
        "from resources.training.students.student_files import StudentError, look_at_student\n"
        "try: look_at_student('owner/model')\n"
        "except StudentError as error: print(error)"
    )
    started = time.monotonic()
    env = {"HF_HUB_OFFLINE": "0", "HF_ENDPOINT": "http://127.0.0.1:9", "HF_HOME": str(tmp_path), "PATH": ""}
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert "is not in the cache, and the hub cannot be reached" in said.stdout, said
    assert time.monotonic() - started < 20


def test_no_torch_is_loaded_to_look(student: Path) -> None:
    code = (
        "import sys; from resources.training.students.student_files import look_at_student\n"
        f"look_at_student({str(student)!r}); look_at_student('tiny')\n"
        "assert not {'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
