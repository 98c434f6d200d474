"""Settings that cannot be used, or whose name is none: all at once, by their names in the environment."""

import pytest

from resources.endpoints import Endpoint, endpoints_from_env
from resources.failures import EndpointError
from resources.setting_names import strange_names
from resources.settings import SettingError, Settings


def test_all_wrong_settings_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MAX_SIDE": "wide", "MAX_PAGES": "0", "PROMPT_ORDER": "appnd", "BUDGET_USD": "nan"}.items():
        monkeypatch.setenv(f"LWV_{name}", value)
    with pytest.raises(SettingError) as caught:
        Settings()
    assert str(caught.value) == (
        "LWV_MAX_SIDE must be a whole number of at least 56, is 'wide'. "
        "LWV_MAX_PAGES must be a whole number of at least 1, is '0'. "
        "LWV_BUDGET_USD must be a number above 0, is 'nan'. "
        "LWV_PROMPT_ORDER must be `append` or `reference`, is 'appnd'; did you mean `append`?"
    )


def test_an_empty_setting_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "MAX_SIDE", "PRICES", "BUDGET_USD"):
        monkeypatch.setenv(f"LWV_{name}", "")
    found = Settings()
    assert (str(found.home), found.max_side, found.prices, found.budget_usd) == (".lwv", 1024, None, None)


@pytest.mark.parametrize("name", ["HOME", "SOURCES"])
def test_a_folder_that_leads_nowhere_is_a_wrong_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"LWV_{name}", "~nobody-here/x")
    with pytest.raises(SettingError, match=f"LWV_{name} is '~nobody-here/x', which leads nowhere"):
        Settings().absolute()


def test_the_endpoints_of_all_roles_are_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TEACHER_CONCURRENCY": "many",
        "TEACHER_STRUCTURED": "maybe",
        "CRITIC_BASE_URL": "http://127.0.0.1:1/v1",
        "JUDGE_TIMEOUT_S": "0",
    }.items():
        monkeypatch.setenv(f"LWV_{name}", value)
    with pytest.raises(EndpointError) as caught:
        endpoints_from_env()
    assert str(caught.value) == (
        "LWV_TEACHER_CONCURRENCY must be a whole number of at least 1, is 'many'. "
        "LWV_TEACHER_STRUCTURED must be true or false, is 'maybe'. "
        "LWV_CRITIC_MODEL is not set: name the model to ask for at http://127.0.0.1:1/v1. "
        "LWV_JUDGE_TIMEOUT_S must be a number above 0, is '0'."
    )


@pytest.mark.parametrize("between", [",", " ", ", ", "\n", " ,\t"])
def test_addresses_may_stand_with_commas_or_spaces_between(between: str) -> None:
    endpoint = Endpoint("teacher", f"http://a/v1{between}http://b/v1/ ", "m")
    assert endpoint.urls == ["http://a/v1", "http://b/v1"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("LWV_HOEM", "LWV_HOEM is no setting and does nothing: did you mean LWV_HOME?"),
        ("LWV_TEACHER_URL", "LWV_TEACHER_URL is no setting and does nothing: did you mean LWV_TEACHER_BASE_URL?"),
        ("LWV_JUDGE_APIKEY", "LWV_JUDGE_APIKEY is no setting and does nothing: did you mean LWV_JUDGE_API_KEY?"),
        ("LWV_QQQQQQ", "LWV_QQQQQQ is no setting and does nothing."),
    ],
)
def test_a_misspelt_name_is_said_with_the_right_one(name: str, says: str) -> None:
    known = [f"LWV_{field}".upper() for field in Settings.model_fields]
    assert strange_names([name, *known, "LWV_CRITIC_EXTRA", "HOME", "DAGSTER_HOME"]) == [says]
