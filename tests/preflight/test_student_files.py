"""A student that cannot be trained is refused by its files, before any page is read, and without torch."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from resources.training.students.student_files import StudentError, look_at_student
from resources.training.students.tiny import build_tiny

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """The folder of a model, as far as it is looked at."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl", "dtype": "bfloat16"}))
    for name in ("tokenizer.json", "preprocessor_config.json"):
        (folder / name).write_text("{}")
    (folder / "model.safetensors").write_bytes(b"\0" * 2000)
    return folder


def test_a_whole_model_is_taken_and_its_weights_are_counted(student: Path) -> None:
    assert look_at_student(str(student)) == (str(student), 1000)


def test_the_built_student_is_what_the_factory_builds() -> None:
    assert look_at_student("tiny").weights is not None


def refused(name: object) -> str:
    with pytest.raises(StudentError, match="LWV_STUDENT=") as caught:
        look_at_student(str(name))
    return str(caught.value)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"model_type": "llama"}, "of the type `llama`"),
        ({}, "of the type `None`"),
        ({"model_type": "qwen2_5_vl", "quantization_config": {"bits": 4}}, "is quantized"),
        ([], "no JSON object"),
    ],
)
def test_a_model_of_another_kind_is_refused(config: object, says: str, student: Path) -> None:
    (student / "config.json").write_text(json.dumps(config))
    assert says in refused(student)


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
