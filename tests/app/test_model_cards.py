from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from img2imgkit.app import commands
from img2imgkit.app.model_cards import ModelCards
from img2imgkit.errors import RequestError


@pytest.fixture
def cards() -> Iterator[ModelCards]:
    made = ModelCards(lambda: None)
    yield made
    made.close()


def entry_of(cards: ModelCards) -> dict[str, Any]:
    entry: dict[str, Any] = cards.cards()["index"][0]
    return entry


def test_cards_state_what_a_user_needs_to_choose(cards: ModelCards) -> None:
    found = cards.cards()
    model = next(each for each in found["installed"] if each["name"] == "sr-compact-x2")
    assert (model["scale"], model["licence"], model["problem"]) == (2, "CC-BY-SA-4.0", "")
    assert model["scores"][0].startswith("Set5: PSNR 37")
    assert {"auto", "tensorflow"} <= {*found["engines"]}
    assert all(each["about"] and each["licence"] and each["bytes"] for each in found["index"])


def test_models_that_need_more_than_a_picture_cannot_be_chosen(cards: ModelCards) -> None:
    cards.prove("sr-compact-x2")
    with pytest.raises(RequestError, match="needs inputs besides the picture"):
        cards.prove("stargan-typefaces")
    with pytest.raises(RequestError, match="no model 'missing' is installed"):
        cards.prove("missing")


def test_what_the_index_lacks_cannot_be_added(cards: ModelCards) -> None:
    with pytest.raises(RequestError, match="the index has no model"):
        cards.add("missing", "")


def test_a_licence_that_is_not_free_is_accepted_first(cards: ModelCards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("img2imgkit.model_entry.FREE_LICENCES", frozenset())
    entry = entry_of(cards)
    assert not entry["free"]
    for accepted in ("", "another"):
        with pytest.raises(RequestError, match="accept its licence"):
            cards.add(entry["name"], accepted)


@pytest.mark.slow  # it starts processes
@pytest.mark.parametrize(("code", "problem"), [(0, ""), (2, "the network is down")])
def test_adding_ends_with_what_the_command_says(monkeypatch: pytest.MonkeyPatch, code: int, problem: str) -> None:
    program = f"import sys; print('error: the network is down', file=sys.stderr); sys.exit({code})"
    asked: list[Sequence[str]] = []

    def command(name: str, accepted: Sequence[str]) -> Sequence[str]:
        asked.append((name, *accepted))
        return [sys.executable, "-S", "-c", program]

    monkeypatch.setattr(commands, "add_model", command)
    changed = threading.Semaphore(0)
    cards = ModelCards(changed.release)
    entry = entry_of(cards)
    cards.add(entry["name"], "")
    assert changed.acquire(timeout=60)
    assert changed.acquire(timeout=60)
    found = next(each for each in cards.cards()["index"] if each["name"] == entry["name"])
    assert (found["adding"], found["problem"]) == (False, problem)
    assert asked == [(entry["name"],)]
    cards.close()


def test_the_command_states_the_accepted_licence() -> None:
    assert commands.add_model("a", ["CC-BY-NC-4.0"])[-2:] == ["--accept-licence", "CC-BY-NC-4.0"]
