"""Uploads an export to the Hugging Face Hub."""

import importlib.util
import pathlib

from layerlock.jobs.job import JobError

CARD = "README.md"


def check_ready():
    """Raises an error if nothing can be uploaded, before work is done for it.

    Raises:
        ImportError: if the library of the Hub is not installed.
        ValueError: if there is no token.
    """
    if not importlib.util.find_spec("huggingface_hub"):
        raise ImportError(
            "`push_to_hub` needs huggingface_hub. Install: "
            'pip install "layerlock[hub]"'
        )
    from huggingface_hub import get_token

    if not get_token():
        raise ValueError(
            "`push_to_hub` needs a token of the Hugging Face Hub. Received "
            "none. Log in with `hf auth login`, or set HF_TOKEN; or leave "
            "`push_to_hub` out and upload later."
        )


def push(out: pathlib.Path, files: list, repository: str) -> str:
    """Uploads a folder, or a file with its card; returns the address.

    A repository that does not exist is made, and is private. A card that the
    repository has is kept, since a person may have edited it; a sentence
    after the address names it then.

    Args:
        out: the folder, or the file.
        files: list of pairs of a file and its name in the repository; empty
            for a folder.
        repository: str, USER/NAME.

    Raises:
        JobError: if the Hub refuses; the export stays on the disk.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        address = api.create_repo(repository, private=True, exist_ok=True)
        has_card = api.file_exists(repository, CARD)
        left_out = [CARD] if has_card else []
        if not files:
            api.upload_folder(
                repo_id=repository, folder_path=out, ignore_patterns=left_out
            )
        for path, name in files:
            if name not in left_out:
                api.upload_file(
                    repo_id=repository, path_or_fileobj=path, path_in_repo=name
                )
    except Exception as error:  # also of the library of the network
        raise JobError(
            f"{out} was written, but not uploaded to {repository}: "
            f"{str(error).rstrip('. ')}. "
            "Log in with `hf auth login`, and upload it with `hf upload`."
        ) from error
    if not has_card:
        return str(address)
    return (
        f"{address}: the repository has a {CARD}, which was kept. The new card "
        "was not uploaded, and is beside the export."
    )
