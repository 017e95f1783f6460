import pytest

from service.answering.model_server import OPENAI, _proxy_to


def test_a_proxy_is_taken_from_the_environment_unless_it_is_told_to_be_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1,models.example")
    assert _proxy_to(OPENAI) == "http://proxy.example:3128"
    assert _proxy_to("https://models.example/v1") is None
    assert _proxy_to("http://127.0.0.1:8000/v1") is None
