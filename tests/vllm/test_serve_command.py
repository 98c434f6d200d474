"""How a model is served, and what its server is told of the factory."""

import json
from pathlib import Path

import pytest

from resources.endpoints import Endpoint, asks_local_server, student_endpoint
from resources.failures import EndpointError
from resources.messages import Call, user
from resources.setting_names import strange_names
from resources.training.launcher import kept_back
from resources.vllm.serve_command import (
    PLAIN_SAMPLING,
    ServeOptions,
    serve_arguments,
    serve_environment,
    served_context,
)
from resources.vllm.served_model import ServedModel, image_size, of_path, weights_dtype
from resources.vllm.server_figures import figures_since, read_figures
from testing.fake_vllm import fake_model

MODEL = ServedModel("/models/m", "models/m")


def value_of(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def test_a_processor_gets_what_a_seed_needs_there_and_a_gpu_does_not() -> None:
    cpu, gpu = (serve_arguments(MODEL, ServeOptions(cpu, positions=20_000)) for cpu in (True, False))
    assert "--no-enable-chunked-prefill" in cpu and "--no-enable-chunked-prefill" not in gpu
    assert value_of(cpu, "--max-num-batched-tokens") == value_of(cpu, "--max-model-len") == "20000"
    for arguments in (cpu, gpu):
        assert value_of(arguments, "--generation-config") == "vllm"
        assert value_of(arguments, "--served-model-name") == "models/m"
        assert json.loads(value_of(arguments, "--structured-outputs-config"))["disable_any_whitespace"]
        assert {"--enable-prompt-tokens-details", "--enable-prefix-caching"} <= set(arguments)


def test_pixels_are_those_of_training_and_further_arguments_come_last() -> None:
    size = {"shortest_edge": 784, "longest_edge": 78_400}
    arguments = serve_arguments(MODEL, ServeOptions(False, size=size, more=("--tensor-parallel-size", "2")))
    assert json.loads(value_of(arguments, "--mm-processor-kwargs")) == {"size": size}
    assert arguments[-2:] == ["--tensor-parallel-size", "2"]


@pytest.mark.parametrize(
    ("wanted", "positions", "expected"),
    [(None, 8192, 8192), (None, 128_000, 32_768), (4096, 8192, 4096), (9000, 8192, 8192)],
)
def test_a_context_is_no_longer_than_the_model_was_made_for(wanted: int | None, positions: int, expected: int) -> None:
    assert served_context(wanted, positions) == expected


def test_a_server_gets_no_secret_and_none_of_our_python() -> None:
    environ = {
        "LWV_TEACHER_API_KEY": "sk-abc123abc123abc123",
        "PYTHONPATH": "/ours",
        "HF_TOKEN": "hf_abcdefghijk",
        "PATH": "/bin",
    }
    found = serve_environment(environ, kept_back(environ), cpu=True)
    assert "sk-abc123abc123abc123" not in found.values() and "hf_abcdefghijk" not in found.values()
    assert "PYTHONPATH" not in found and found["PATH"] == "/bin"
    assert (found["HF_HUB_OFFLINE"], found["VLLM_NO_USAGE_STATS"], found["DO_NOT_TRACK"]) == ("1", "1", "1")
    assert found["VLLM_CPU_KVCACHE_SPACE"] == "4"
    assert serve_environment({"VLLM_CPU_KVCACHE_SPACE": "2"}, {}, cpu=True)["VLLM_CPU_KVCACHE_SPACE"] == "2"


def test_a_model_goes_by_its_last_two_names_and_a_hub_id_by_itself(tmp_path: Path) -> None:
    assert of_path("Qwen/Qwen2.5-VL-3B-Instruct").name == "Qwen/Qwen2.5-VL-3B-Instruct"
    moved = [of_path(str(fake_model(tmp_path / place / "sft" / "abc"))).name for place in ("one", "two")]
    assert moved == ["sft/abc", "sft/abc"]


def test_weights_are_served_in_their_own_dtype_and_pixels_read_from_either_file(tmp_path: Path) -> None:
    folder = fake_model(tmp_path / "m")
    assert weights_dtype(of_path(str(folder))) == "float32"
    assert image_size(str(folder)) is None
    size = {"shortest_edge": 1, "longest_edge": 2}
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {**size, "height": None}}))
    assert image_size(str(folder)) == size
    (folder / "processor_config.json").write_text(
        json.dumps({"image_processor": {"size": {**size, "longest_edge": 9}}})
    )
    assert image_size(str(folder)) == {**size, "longest_edge": 9}


def test_every_role_understands_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = fake_model(tmp_path / "models" / "m")
    for role in ("teacher", "critic", "judge"):
        monkeypatch.setenv(f"LWV_{role.upper()}_BASE_URL", f"vllm:{model}")
        endpoint = Endpoint.from_env(role)  # type: ignore[arg-type]
        assert (endpoint.model, endpoint.embedded, endpoint.base_url) == ("models/m", False, "vllm:models/m")
        assert asks_local_server(role)  # type: ignore[arg-type]
        call = endpoint.in_full(Call(role, (user("x"),), "t@1", "s", "step", extra={"top_p": 0.5}))  # type: ignore[arg-type]
        assert call.extra == {**PLAIN_SAMPLING, "top_p": 0.5}
    monkeypatch.setenv("LWV_TEACHER_MODEL", "another")
    with pytest.raises(EndpointError, match="leave LWV_TEACHER_MODEL out"):
        Endpoint.from_env("teacher")
    monkeypatch.setenv("LWV_JUDGE_BASE_URL", "vllm:")
    with pytest.raises(EndpointError, match="LWV_JUDGE_BASE_URL is 'vllm:' and names no model"):
        Endpoint.from_env("judge")


def test_a_checkpoint_is_asked_where_the_setting_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = str(fake_model(tmp_path / "sft" / "abc"))
    monkeypatch.delenv("LWV_STUDENT_BASE_URL", raising=False)
    assert student_endpoint(checkpoint) is None
    monkeypatch.setenv("LWV_STUDENT_BASE_URL", "vllm:")
    ours = student_endpoint(checkpoint)
    assert ours and ours.served == ServedModel(checkpoint, "sft/abc")
    monkeypatch.setenv("LWV_STUDENT_BASE_URL", "http://127.0.0.1:8000/v1")
    theirs = student_endpoint(checkpoint)
    assert theirs and (theirs.model, theirs.served) == ("sft/abc", None)
    monkeypatch.setenv("LWV_STUDENT_BASE_URL", f"vllm:{checkpoint}")
    with pytest.raises(EndpointError, match="write `vllm:` alone"):
        student_endpoint(checkpoint)
    assert strange_names(["LWV_STUDENT_BASE_URL", "LWV_STUDENT_CONCURRENCY", "LWV_VLLM_PYTHON"]) == []


def test_figures_are_what_came_about_since(tmp_path: Path) -> None:
    page = (
        "# HELP vllm:prompt_tokens_total x\n"
        'vllm:prompt_tokens_total{engine="0",model_name="m"} 1.2e+03\nvllm:prompt_tokens_total{engine="1"} 300.0\n'
        'vllm:prefix_cache_queries_total{engine="0"} 1500.0\nvllm:prefix_cache_hits_total{engine="0"} 1200.0\n'
        'vllm:generation_tokens_total{engine="0"} 50.0\nvllm:something_else 7\n'
    )
    after = read_figures(page)
    assert after == {"prompt": 1500, "looked_up": 1500, "hits": 1200, "generated": 50}
    found = figures_since({"prompt": 500, "looked_up": 500, "hits": 400}, after, 10)
    assert found["vllm_prompt_tokens"] == 1000
    assert found["vllm_prefix_hit_share"] == 0.8
    assert found["vllm_tokens_per_second"] == 5
    assert figures_since({}, {}, 1) == {}
