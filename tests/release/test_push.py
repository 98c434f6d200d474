"""`--push`: never without a token, one sentence where the hub refuses, and every file where it does not."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lwv_dagster.release.markup import ReleaseError
from lwv_dagster.release.push import push
from lwv_dagster.release.write import FORMATS, write_release
from testing.release_home import make_home


class FakeHub(BaseHTTPRequestHandler):
    """The few calls of the hub's API that an upload of small files makes; `server.seen` holds them.

    `server.files` are the paths that the repository has before.
    """

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        path = self.path.split("?")[0]
        self.server.seen.append((path, body, self.headers.get("Authorization")))  # type: ignore[attr-defined]
        if self.server.refuses:  # type: ignore[attr-defined]
            return self._answer(403, {"error": "You may not write here."})
        if path == "/api/validate-yaml" and "license: of-my-own" in body:
            return self._answer(400, {"errors": [{"message": '"license" must be one of [mit, other]'}]})
        if path == "/api/repos/create":
            return self._answer(200, {"url": f"{self.server.url}/datasets/me/data", "id": "1"})  # type: ignore[attr-defined]
        if path.endswith("/preupload/main"):
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self._answer(200, {"files": files})
        return self._answer(
            200,
            {
                "success": True,
                "commitOid": "abc",
                "hookOutput": "",
                "commitUrl": f"{self.server.url}/datasets/me/data/commit/abc",
            },
        )  # type: ignore[attr-defined]

    def do_GET(self) -> None:
        if "/tree/" in self.path:
            return self._answer(
                200, [{"type": "file", "path": path, "size": 1, "oid": "0"} for path in self.server.files]
            )  # type: ignore[attr-defined]
        return self._answer(200, {"id": "me/data", "sha": "0", "siblings": []})

    def _answer(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import huggingface_hub.constants as constants

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    server.seen, server.files, server.refuses, server.url = [], [], False, f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(constants, "ENDPOINT", server.url)  # what HF_ENDPOINT sets when the library is imported
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield server
    server.shutdown()


def committed(hub: Any, key: str) -> list[dict[str, Any]]:
    """The values of this key (`file`, `deletedFile`) in all commits."""
    lines = [json.loads(line) for path, body, _ in hub.seen if "/commit/" in path for line in body.splitlines()]
    return [line["value"] for line in lines if line["key"] == key]


def test_without_a_token_nothing_is_sent(tmp_path: Path, hub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(ReleaseError, match="HF_TOKEN is not set"):
        push(tmp_path, "me/data")
    assert hub.seen == []


def test_every_file_is_sent_to_a_private_data_set_repository(tmp_path: Path, hub: Any) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text("# card")
    (tmp_path / "data" / "train-00000-of-00001.parquet").write_bytes(b"rows")
    assert push(tmp_path, "me/data") == f"{hub.url}/datasets/me/data/commit/abc"
    created = json.loads(next(body for path, body, _ in hub.seen if path == "/api/repos/create"))
    assert (created["type"], created["visibility"]) == ("dataset", "private")
    sent = {value["path"]: base64.b64decode(value["content"]) for value in committed(hub, "file")}
    assert sent == {"README.md": b"# card", "data/train-00000-of-00001.parquet": b"rows"}
    assert {token for _, _, token in hub.seen} == {"Bearer hf_secret"}


def test_what_an_earlier_release_of_any_format_left_there_goes_and_its_owners_files_stay(
    tmp_path: Path, hub: Any
) -> None:
    store = make_home(tmp_path / "home")
    for name, made in FORMATS.items():
        write_release(store, made, tmp_path / name)
    written = {
        name: {path.relative_to(tmp_path / name).as_posix() for path in (tmp_path / name).rglob("*") if path.is_file()}
        for name in FORMATS
    }
    older = {*set().union(*written.values()), "data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"}
    hub.files = sorted(older | {"LICENSE", ".gitattributes", "notes/about.md", "images/logo.png"})
    push(tmp_path / "hub", "me/data")
    assert {value["path"] for value in committed(hub, "file")} == written["hub"]
    assert {value["path"] for value in committed(hub, "deletedFile")} == older - written["hub"]


def test_a_refusal_is_one_sentence_without_the_token(tmp_path: Path, hub: Any) -> None:
    hub.refuses = True
    (tmp_path / "README.md").write_text("# card")
    with pytest.raises(ReleaseError, match="did not take me/data: ") as caught:
        push(tmp_path, "me/data")
    assert "\n" not in str(caught.value) and "hf_secret" not in str(caught.value)


def test_a_name_that_is_none_and_a_hub_that_is_not_there_are_one_sentence(tmp_path: Path, hub: Any) -> None:
    with pytest.raises(ReleaseError, match="did not take"):
        push(tmp_path, "not/a/name")
    hub.shutdown()
    hub.server_close()
    with pytest.raises(ReleaseError, match="did not take me/data"):
        push(tmp_path, "me/data")


def test_a_card_that_the_hub_does_not_take_is_one_sentence_that_says_what_is_wrong(tmp_path: Path, hub: Any) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: of-my-own\n---\n# card")
    with pytest.raises(ReleaseError, match=r'did not take me/data: .*"license" must be one of') as caught:
        push(tmp_path, "me/data")
    assert "\n" not in str(caught.value)
    assert not committed(hub, "file")
