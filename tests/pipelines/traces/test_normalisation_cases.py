"""The specification's rows for tags, services and names (obfuscation and normalisation cases, 141 to 150)."""

import pytest

normalise = pytest.importorskip("pipelines.traces.normalise")


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("Test Conversion Of Weird !@#$%^&**() Characters", "test_conversion_of_weird_characters"),
        ("1love", "love"),
        ("Data🐨dog🐶 繋がっ⛰てて", "data_dog_繋がっ_てて"),
        ("12.:trim@@", ":trim"),
        ("---fun:k####y_ta@#g/1_@@#", "fun:k_y_ta_g/1"),
        ("AlsO:œ#@ö))œk", "also:œ_ö_œk"),
        ("™Ö™Ö™™Ö™", "ö_ö_ö"),
        ("ſodd_ſcaseſ", "ſodd_ſcaseſ"),
        ("a" * 888, "a" * 200),
        ("a" + "🐶" * 799, "a"),
        ("A" + "0" * 197 + " " + "0" * 12, "a" + "0" * 197 + "_0"),
    ],
)
def test_tags(text, result):
    assert normalise.tag_value(text) == result


@pytest.mark.parametrize(("text", "result"), [("bad&service", "bad_service"), ("Too$Long$." * 20, "too_long_." * 10)])
def test_services(text, result):
    assert normalise.service_of(text) == result


@pytest.mark.parametrize(("text", "result"), [("&&&&&&&_test-name-", "test_name"), ("Too-Long-." * 20, "Too_Long." * 10)])
def test_names(text, result):
    assert normalise.name_of(text) == result
