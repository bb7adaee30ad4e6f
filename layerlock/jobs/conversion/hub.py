"""Uploads an export to the Hugging Face Hub."""

import importlib.util
import pathlib

from layerlock.jobs.job import JobError


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

    A repository that does not exist is made, and is private.

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
        if not files:
            api.upload_folder(repo_id=repository, folder_path=out)
        for path, name in files:
            api.upload_file(
                repo_id=repository, path_or_fileobj=path, path_in_repo=name
            )
    except Exception as error:  # also of the library of the network
        raise JobError(
            f"{out} was written, but not uploaded to {repository}: "
            f"{str(error).rstrip('. ')}. "
            "Log in with `hf auth login`, and upload it with `hf upload`."
        ) from error
    return str(address)
