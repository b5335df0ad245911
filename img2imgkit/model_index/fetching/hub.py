"""Files of the Hugging Face hub, with the user's own settings of it; needs the extra ``hub``."""

from __future__ import annotations

import os
from pathlib import Path

from img2imgkit.errors import FetchError
from img2imgkit.model_entry import HubFile

TIMEOUT = 60.0  # seconds


def fetch_hub_file(source: HubFile, folder: Path) -> Path:
    """Fetch a file of a repository into a folder.

    Raises:
        FetchError: the library is missing, the hub cannot be reached, or the file is missing or larger than stated.
    """
    try:
        import huggingface_hub
        from huggingface_hub import errors
        from huggingface_hub.utils import disable_progress_bars
    except ImportError:
        raise FetchError(f"{source.title}: needs huggingface_hub: pip install 'img2imgkit[hub]'") from None
    disable_progress_bars()
    endpoint = os.environ.get("HF_ENDPOINT") or None
    try:
        url = huggingface_hub.hf_hub_url(source.repository, source.inside, revision=source.revision, endpoint=endpoint)
        about = huggingface_hub.get_hf_file_metadata(url, timeout=TIMEOUT, endpoint=endpoint)
        if about.size is not None and about.size != source.bytes:
            raise FetchError(f"{source.title}: has {about.size} bytes, expected {source.bytes}")
        made = huggingface_hub.hf_hub_download(
            source.repository, source.inside, revision=source.revision, local_dir=folder, endpoint=endpoint
        )
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError) as error:
        raise FetchError(f"{source.title}: the hub has no such file, or it needs a login: {_first(error)}") from None
    except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, OSError) as error:
        raise FetchError(f"{source.title}: cannot be fetched from the hub: {_first(error)}") from None
    return Path(made)


def _first(error: Exception) -> str:
    """The first line of an error."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
