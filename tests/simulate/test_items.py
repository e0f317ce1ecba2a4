from emulator.world.items import Items, Owners


def platform(kind, request_id):
    return {"type": f"platform.{kind}", "record": {"requestId": request_id}}


def read(*steps):
    """Read records; a step that is a text is a line of that kind. Returns whose each line is, in their order."""
    items, owners = Items(), Owners()
    for step in steps:
        if isinstance(step, str):
            item = items.new(step, 0, "own")
            owners.read({"type": "function", "record": item.record()}, item)
        else:
            owners.read(step, None)
    owners.close()
    return [item.owners for item in items.all]


def test_a_line_is_of_the_invocation_that_runs():
    assert read(platform("start", "a"), "text") == [["a"]]


def test_a_line_between_the_end_and_the_report_is_of_the_one_that_ended():
    assert read(platform("start", "a"), platform("runtimeDone", "a"), "text") == [["a"]]


def test_a_line_after_the_report_waits_for_the_next_start():
    assert read(platform("start", "a"), platform("report", "a"), "text", platform("start", "b")) == [["b"]]


def test_a_line_before_everything_waits_for_the_first_start():
    assert read("foreign", platform("start", "a")) == [["a"]]


def test_a_line_that_nobody_comes_for_is_nobodys():
    assert read("text") == [[None]]


def test_an_object_that_names_its_request_is_that_ones():
    assert read(platform("start", "a"), "object") == [["own"]]


def test_a_text_that_holds_an_object_names_nobody():
    assert read(platform("start", "a"), "json_text") == [["a"]]


def test_a_report_of_an_earlier_invocation_takes_nothing_away():
    assert read(platform("start", "a"), platform("start", "b"), platform("report", "a"), "text") == [["b"]]
