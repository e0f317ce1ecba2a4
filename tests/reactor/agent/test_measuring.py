"""What is read of the sandbox, when, and what becomes of it: the agent with a probe that a test turns."""

import pytest

from emulator.protobuf_schemas import decode_message
from pipelines.metrics.procfs import CpuTimes, Snapshot
from pipelines.metrics.usage import Peaks
from protocols.extensions_api import Registration
from reactor.agent import inputs as given
from reactor.agent.measuring import UNENDED_MAX
from reactor.agent.outputs import SendPayload
from reactor.config.aws import read_sandbox

TEN_SECONDS_MS = 10_000
AT_RUNTIME_DONE = {"fd_max", "threads_max", "tmp_used", "tmp_max", "tmp_free", "fd_use", "threads_use"} | {
    "num_cores",
    "cpu_total_utilization_pct",
    "cpu_total_utilization",
    "cpu_max_utilization",
    "cpu_min_utilization",
}
AT_REPORT = {"rx_bytes", "tx_bytes", "total_network", "cpu_user_time", "cpu_system_time", "cpu_total_time"}
IN_AN_INTERVAL = AT_REPORT | {name for name in AT_RUNTIME_DONE if "cpu" in name} | {"num_cores"}


class Probe:
    """Counters that grow with each look, and what was asked for, in order."""

    def __init__(self):
        self.looks, self.asked, self.fails = 0, [], False
        self.in_use = Peaks(100, 10, 20)

    def look(self, what):
        self.asked.append(what)
        if self.fails:
            raise RuntimeError("out of order")

    def snapshot(self):
        self.look("snapshot")
        self.looks += 1
        n = self.looks
        return Snapshot((100 * n, 10 * n), CpuTimes(7 * n, 2 * n, 5 * n, {"cpu0": 5 * n}), 50 * n)

    def usage(self):
        self.look("usage")
        return self.in_use

    def limits(self):
        self.look("limits")
        return 1_000, 1024, 900

    def runtime(self):
        self.look("runtime")
        return "python3.12"


@pytest.fixture
def probe():
    return Probe()


@pytest.fixture
def sandbox_type():
    return "on-demand"


@pytest.fixture
def life_of(settings_of, probe, sandbox_type, life_class):
    """A life that has asked for its first event."""

    def life_of(**changes):
        sandbox = read_sandbox({"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_INITIALIZATION_TYPE": sandbox_type})
        return life_class(settings_of(**{"DD_SERVERLESS_FLUSH_STRATEGY": "end", **changes}), sandbox, probe=probe).ready()

    return life_of


def sent(asked):
    """The enhanced metrics in what was sent: their sums by name, and their tags."""
    sums, tags = {}, {}
    for output in asked:
        if isinstance(output, SendPayload) and output.payload.body.kind == "sketches":
            for sketch in decode_message("SketchPayload", output.payload.body.raw)[0]["sketches"]:
                name = sketch["metric"].removeprefix("aws.lambda.enhanced.")
                sums[name] = sums.get(name, 0) + sum(each.get("sum", 0) for each in sketch["dogsketches"])
                tags[name] = sketch["tags"]
    return sums, tags


def test_an_invocation_is_measured_at_both_ends_and_reported_in_its_own_flush(life_of, records, probe):
    life = life_of()
    life.invoke("a")
    assert probe.asked == ["runtime", "usage", "snapshot"]
    life.telemetry(records.init_start(), records.start("a"), records.done("a"))
    assert probe.asked[3:] == ["snapshot", "usage", "limits"]
    flushed = life.settle()
    sums, tags = sent(flushed)
    assert set(sums) >= AT_RUNTIME_DONE
    assert not AT_REPORT & set(sums)
    assert {name: sums[name] for name in ("fd_max", "threads_max", "tmp_used", "tmp_max", "tmp_free", "fd_use", "threads_use")} == {
        "fd_max": 1024,
        "threads_max": 900,
        "tmp_used": 100,
        "tmp_max": 1_000,
        "tmp_free": 900,
        "fd_use": 10,
        "threads_use": 20,
    }
    assert sums["cpu_total_utilization_pct"] == pytest.approx(90)
    assert "runtime:python3.12" in tags["invocations"]
    life.answer(flushed)
    life.telemetry(records.report("a"))
    life.invoke("b")
    life.telemetry(records.done("b"))
    sums, _ = sent(life.settle())
    assert {name: sums[name] for name in AT_REPORT} == {
        "rx_bytes": 200,  # from its first look to its third
        "tx_bytes": 20,
        "total_network": 220,
        "cpu_user_time": 14,
        "cpu_system_time": 4,
        "cpu_total_time": 18,
    }


def test_pauses_between_samples_grow_and_none_are_taken_once_the_runtime_is_over(life_of, records, probe):
    life = life_of()
    life.invoke("a", timeout_ms=900_000)
    taken_ms, began_ms = [], life.ms
    while life.ms < began_ms + 1_100:
        before = probe.asked.count("usage")
        life.pass_ms(1)
        taken_ms += [life.ms - began_ms] * (probe.asked.count("usage") - before)
    assert taken_ms == [10, 30, 70, 150, 310, 560, 810, 1060]
    life.telemetry(records.done("a"))
    life.answer(life.settle())
    asked = len(probe.asked)
    life.pass_ms(TEN_SECONDS_MS)
    assert len(probe.asked) == asked


def test_what_came_due_while_the_sandbox_stood_still_is_one_sample(life_of, probe):
    life = life_of()
    life.invoke("a", timeout_ms=900_000)
    life.ms += 5_000
    before = probe.asked.count("usage")
    life.pass_ms(0)
    assert probe.asked.count("usage") == before + 1
    life.pass_ms(19)
    assert probe.asked.count("usage") == before + 1


def test_a_peak_in_the_middle_is_seen_and_the_next_invocation_begins_without_it(life_of, records, probe):
    life = life_of()
    life.invoke("a")
    probe.in_use = Peaks(700, 500, 300)
    life.pass_ms(10)
    probe.in_use = Peaks(0, 10, 20)
    life.telemetry(records.done("a"))
    flushed = life.settle()
    sums, _ = sent(flushed)
    assert (sums["tmp_used"], sums["fd_use"], sums["threads_use"]) == (700, 500, 300)
    life.answer(flushed)
    life.invoke("b")
    life.telemetry(records.done("b"))
    sums, _ = sent(life.settle())
    assert (sums["fd_use"], sums["threads_use"]) == (10, 20)
    assert "tmp_used" not in sums, "nothing was used: no peak"


def test_an_end_that_is_read_after_the_next_beginning_brings_the_peaks_of_its_own_invocation(life_of, records, probe):
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY="periodically,60000")
    life.answer(life.invoke("a"))
    probe.in_use = Peaks(700, 500, 300)
    life.pass_ms(10)
    probe.in_use = Peaks(0, 10, 20)
    life.invoke("b")
    looks = probe.asked.count("usage")
    life.telemetry(records.done("a"))
    assert probe.asked.count("usage") == looks, "what is in use now belongs to the other"
    life.telemetry(records.done("b"))
    life.shut_down()
    life.pass_ms(300)  # it waits for the reports
    sums, _ = sent(life.told)
    assert (sums["fd_use"], sums["threads_use"], sums["tmp_used"]) == (510, 320, 700)
    assert sums["fd_max"] == 2 * 1024


def test_of_invocations_whose_end_never_comes_few_are_remembered(life_of, records, probe):
    life = life_of(DD_SERVERLESS_FLUSH_STRATEGY="periodically,60000")
    for number in range(UNENDED_MAX + 3):
        life.answer(life.invoke(f"{number}"))
    for number in range(UNENDED_MAX + 3):
        life.telemetry(records.done(f"{number}"))
    life.shut_down()
    life.pass_ms(300)  # it waits for the reports
    sums, _ = sent(life.told)
    assert sums["fd_max"] == (UNENDED_MAX + 1) * 1024, "and the one in hand"


def test_the_runtime_is_looked_for_once(life_of, records, probe):
    life = life_of()
    for request_id in "abc":
        life.invoke(request_id)
        life.telemetry(records.done(request_id))
        life.answer(life.settle())
    assert probe.asked.count("runtime") == 1


@pytest.mark.parametrize("variable", ["DD_LAMBDA_PROC_ENHANCED_METRICS", "DD_ENHANCED_METRICS"])
def test_switched_off_nothing_is_read_and_none_of_them_is_sent(life_of, records, probe, variable):
    life = life_of(**{variable: "false"})
    life.invoke("a")
    life.pass_ms(100)
    life.telemetry(records.done("a"), records.report("a"))
    sums, _ = sent(life.settle())
    assert probe.asked == ["runtime"]
    assert not (AT_RUNTIME_DONE | AT_REPORT) & set(sums)


def test_when_only_the_report_was_seen_the_peaks_come_with_it(life_of, records, probe):
    life = life_of()
    life.invoke("a")
    life.telemetry(records.report("a"))
    sums, _ = sent(life.settle())
    assert (sums["fd_use"], sums["fd_max"]) == (10, 1024)
    assert set(sums) >= AT_REPORT


def test_an_invocation_whose_end_is_not_seen_is_not_sampled_beyond_its_deadline(life_of, probe):
    life = life_of()
    life.invoke("a", timeout_ms=3_000)
    life.answer(life.pass_ms(2_900))
    asked = len(probe.asked)
    life.pass_ms(TEN_SECONDS_MS)
    assert len(probe.asked) == asked


def test_without_telemetry_nothing_is_measured_since_no_end_would_be_seen(settings_of, sandbox, probe, life_class):
    life = life_class(settings_of(), sandbox, probe=probe)
    life.tell(given.Begin())
    life.tell(given.RegisterAnswered(Registration("id-1")))
    life.pass_ms(300)
    life.invoke("a")
    life.pass_ms(1_000)
    assert probe.asked == ["runtime"]


def test_a_probe_that_fails_costs_its_metrics_and_is_said_once(life_of, records, probe):
    life = life_of()
    probe.fails = True
    life.invoke("a")
    life.pass_ms(100)
    life.telemetry(records.done("a"))
    sums, _ = sent(life.settle())
    assert sums["invocations"] == 1
    assert not AT_REPORT & set(sums)
    assert [output.text for output in life.told if getattr(output, "level", "") == "ERROR"] == [
        "measuring failed, metrics will be missing: RuntimeError: out of order"
    ]
    assert life.counts.noted["errors while measuring"] > 5


class TestManaged:
    """Counters belong to the sandbox, in which many run at once."""

    @pytest.fixture
    def sandbox_type(self):
        return "lambda-managed-instances"

    @pytest.fixture
    def life(self, life_of):
        return life_of(DD_SERVERLESS_FLUSH_STRATEGY="continuously,1000")

    def test_once_per_flush_and_only_while_something_runs(self, life, records, probe):
        life.telemetry(records.start("a"), records.start("b"))
        assert probe.asked == ["runtime", "usage", "snapshot"]
        sums, _ = sent(flushed := life.pass_ms(1_000))
        assert {name: sums[name] for name in AT_REPORT} == {
            "rx_bytes": 100,
            "tx_bytes": 10,
            "total_network": 110,
            "cpu_user_time": 7,
            "cpu_system_time": 2,
            "cpu_total_time": 9,
        }
        assert set(sums) >= IN_AN_INTERVAL
        assert not {"fd_max", "fd_use", "tmp_used"} & set(sums)
        life.answer(flushed)
        life.telemetry(records.report("a"), records.report("b"))
        sums, _ = sent(flushed := life.pass_ms(1_000))
        assert sums["rx_bytes"] == 100, "what ran into this interval"
        life.answer(flushed)
        asked = len(probe.asked)
        assert sent(life.pass_ms(TEN_SECONDS_MS)) == ({}, {})
        assert len(probe.asked) == asked

    def test_samples_are_taken_while_any_runs_and_the_peaks_come_at_the_end(self, life, records, probe):
        life.telemetry(records.start("a"))
        probe.in_use = Peaks(700, 500, 300)
        life.pass_ms(10)
        probe.in_use = Peaks(100, 10, 20)
        life.telemetry(records.start("b"), records.report("a"))
        samples = probe.asked.count("usage")
        life.pass_ms(500)
        assert probe.asked.count("usage") > samples
        life.telemetry(records.report("b"))
        samples = probe.asked.count("usage")
        life.pass_ms(500)
        assert probe.asked.count("usage") == samples
        asked = life.shut_down()
        sums, _ = sent([*asked, *life.settle()])
        assert {name: sums[name] for name in ("fd_use", "threads_use", "tmp_used", "tmp_free", "fd_max")} == {
            "fd_use": 500,
            "threads_use": 300,
            "tmp_used": 700,
            "tmp_free": 300,
            "fd_max": 1024,
        }
