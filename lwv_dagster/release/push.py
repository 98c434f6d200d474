"""The upload of a release to the Hugging Face hub: only when asked for, and private until its owner says otherwise."""

import os
from pathlib import Path

from lwv_dagster.release.markup import ReleaseError
from lwv_dagster.release.write import FORMATS
from resources.secrets import keep_secret


def push(folder: Path, repo_id: str) -> str:
    """Upload the folder as a data-set repository (made private where it is new); returns its address.

    The commit deletes the files of an earlier release, of any format: the card's globs would load them too.
    Raises ReleaseError where HF_TOKEN is not set or the hub refuses. HF_ENDPOINT names another hub.
    """
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise ReleaseError(
            "HF_TOKEN is not set: --push needs a token with write access (huggingface.co/settings/tokens)."
        )
    from httpx2 import HTTPError
    from huggingface_hub import HfApi

    keep_secret(token)
    hub = HfApi(token=token)
    try:
        hub.create_repo(repo_id, repo_type="dataset", private=True, exist_ok=True)
        done = hub.upload_folder(
            repo_id=repo_id,
            repo_type="dataset",
            folder_path=folder,
            delete_patterns=[glob for made in FORMATS.values() for glob in made.globs],
            commit_message="Data set written by lwv release",
        )
    except (HTTPError, ValueError, OSError) as error:  # ValueError: a bad name, or a card that the hub refuses
        raise ReleaseError(f"The hub at {hub.endpoint} did not take {repo_id}: {first_lines(str(error))}") from error
    return str(done.commit_url)


def first_lines(text: str) -> str:
    """What an error says, in one line: what is wrong often stands in the second of several."""
    return " ".join([line.strip() for line in text.splitlines() if line.strip()][:2])
