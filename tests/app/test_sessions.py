from __future__ import annotations

import pytest

from img2imgkit.app.sessions import TRIES, Sessions
from img2imgkit.errors import RequestError


def test_the_launch_token_opens_one_session() -> None:
    sessions = Sessions()
    token = sessions.new_token()
    session = sessions.redeem(token)
    assert sessions.is_open(session)
    with pytest.raises(RequestError, match="has been used"):
        sessions.redeem(token)


def test_a_new_token_takes_the_place_of_the_old_one_and_sessions_stay() -> None:
    sessions = Sessions()
    session = sessions.redeem(sessions.new_token())
    old, new = sessions.new_token(), sessions.new_token()
    with pytest.raises(RequestError, match="has been used, or is wrong"):
        sessions.redeem(old)
    assert sessions.is_open(sessions.redeem(new))
    assert sessions.is_open(session)


@pytest.mark.parametrize("session", [None, "", "x", "\udcff"])
def test_nothing_else_is_a_session(session: str | None) -> None:
    sessions = Sessions()
    sessions.redeem(sessions.new_token())
    assert not sessions.is_open(session)


def test_a_wrong_token_does_not_use_up_the_right_one() -> None:
    sessions = Sessions()
    token = sessions.new_token()
    with pytest.raises(RequestError):
        sessions.redeem("wrong")
    assert sessions.is_open(sessions.redeem(token))


def test_before_there_is_a_token_none_opens() -> None:
    with pytest.raises(RequestError):
        Sessions().redeem("")


def test_without_a_password_none_opens() -> None:
    with pytest.raises(RequestError, match="wrong"):
        Sessions().log_in("")


def test_a_password_opens_any_number_of_sessions() -> None:
    sessions = Sessions("secret")
    assert len({sessions.log_in("secret") for _ in range(9)}) == 9


def test_wrong_passwords_are_limited_and_then_even_the_right_one_waits() -> None:
    sessions = Sessions("secret")
    for _ in range(TRIES):
        with pytest.raises(RequestError, match="is wrong"):
            sessions.log_in("guess")
    with pytest.raises(RequestError, match="too many"):
        sessions.log_in("secret")
