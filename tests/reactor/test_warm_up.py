"""What is loaded while the function's runtime boots."""

import importlib.util
import sys

import pytest

from reactor import warm_up


@pytest.fixture
def loaded(monkeypatch):
    """The names that were asked for, and one of them may fail to load."""
    names, failing = [], {}

    def load(name):
        names.append(name)
        if name in failing:
            raise failing[name]

    monkeypatch.setattr(importlib, "import_module", load)
    for name in ("ssl", "compression.zstd", "backports.zstd"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return names, failing


def test_only_an_intake_under_tls_needs_tls(loaded, settings_of):
    assert "ssl" in warm_up.modules(settings_of(DD_URL=None))
    plain = settings_of().evolve(intake_urls={"series": "http://a", "logs": "http://b"})
    assert "ssl" not in warm_up.modules(plain)


def test_what_is_loaded_already_is_not_loaded_again(settings_of):
    import ssl

    assert ssl.__name__ not in warm_up.modules(settings_of(DD_URL=None))


async def test_the_authorities_are_read_when_an_intake_is_under_tls_and_only_then(settings_of):
    read = []
    await warm_up.warm_up(settings_of(DD_URL=None), lambda: read.append(1))
    await warm_up.warm_up(settings_of().evolve(intake_urls={"series": "http://a"}), lambda: read.append(2))
    assert read == [1]


async def test_authorities_that_cannot_be_read_stop_nothing(settings_of):
    await warm_up.warm_up(settings_of(DD_URL=None), lambda: 1 // 0)


@pytest.mark.parametrize("error", [ImportError("none here"), OSError("a library is missing"), ValueError("odd")])
async def test_what_cannot_be_loaded_costs_itself_alone(loaded, settings_of, error):
    names, failing = loaded
    settings = settings_of(DD_URL=None)
    wanted = warm_up.modules(settings)
    failing[wanted[0]] = error
    await warm_up.warm_up(settings)
    assert names == wanted
    assert len(names) == 2


async def test_what_traces_need_is_loaded_once_a_tracer_has_asked_and_one_that_fails_costs_itself(loaded):
    names, failing = loaded
    failing["msgpack"] = ImportError("not there")
    await warm_up.expect_traces()
    assert names == list(warm_up.TRACING)


async def test_where_a_library_tells_of_events_their_sources_are_loaded_too_and_are_all_there(loaded):
    names, _ = loaded
    await warm_up.expect_events()
    assert names == [*warm_up.TRACING, *warm_up.EVENTS]
    assert [name for name in names if importlib.util.find_spec(name) is None] == []
