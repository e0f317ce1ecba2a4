"""Enhanced metrics, rule by rule (specification, metrics 6, 7 and 9)."""

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.metrics.aggregate import Aggregator
from pipelines.metrics.enhanced import KEPT_RECORDS_MAX, PREFIX, Enhanced, EnhancedSettings
from pipelines.metrics.procfs import CpuTimes, Snapshot
from pipelines.metrics.usage import Peaks

T0 = 1_700_000_000_000
SETTINGS = EnhancedSettings("on-demand", "x86_64", started_at_ms=T0)
METRICS = {"durationMs": 34.75, "billedDurationMs": 35, "memorySizeMB": 1024, "maxMemoryUsedMB": 91}
START = Snapshot((100, 200), CpuTimes(10, 20, 0, {"cpu0": 0}), 1000)
END = Snapshot((150, 300), CpuTimes(30, 60, 500, {"cpu0": 500}), 2000)


class Bench:
    """An Enhanced and what it has put into its aggregator."""

    def __init__(self, **changes):
        self.aggregator = Aggregator()
        self.enhanced = Enhanced(self.aggregator, attrs.evolve(SETTINGS, **changes))

    def take(self):
        """[(short name, tags, bucket_s, sum)] in order, and begin anew."""
        series, sketches = self.aggregator.flush()
        assert series == []
        return [(name.removeprefix(PREFIX), ",".join(tags), bucket_s, sketch.sum) for name, tags, bucket_s, sketch in sketches]

    def sums(self):
        sums = {}
        for name, _, _, value in self.take():
            sums[name] = sums.get(name, 0) + value
        return sums

    def started(self, request_id="a", now_ms=T0, start=None):
        """The bench with its first invocation begun and counted."""
        self.enhanced.init_start("python:3.12", T0)
        self.enhanced.invoked(request_id, now_ms, start)
        self.take()
        return self.enhanced


# -- tags --


@pytest.mark.parametrize(
    ("init_type", "restored_at_ms", "invoked_at_ms", "tags"),
    [
        ("on-demand", None, T0 + 10_000, {"cold_start": "true"}),
        ("on-demand", None, T0 + 10_001, {"cold_start": "false", "proactive_initialization": "true"}),
        ("on-demand", None, T0 - 50_000, {"cold_start": "true"}),
        ("provisioned-concurrency", None, T0 + 60_000, {"cold_start": "false", "proactive_initialization": "true"}),
        ("snap-start", None, T0 + 60_000, {"cold_start": "true"}),
        ("snap-start", T0 + 55_000, T0 + 60_000, {"cold_start": "true"}),
        ("snap-start", T0 + 45_000, T0 + 60_000, {"cold_start": "false", "proactive_initialization": "true"}),
    ],
)
def test_the_first_invocation_is_cold_or_proactive(init_type, restored_at_ms, invoked_at_ms, tags):
    enhanced = Bench(init_type=init_type).enhanced
    if restored_at_ms is not None:
        enhanced.restore_start(restored_at_ms)
    enhanced.invoked("a", invoked_at_ms)
    assert enhanced.dynamic_tags == tags


def test_later_invocations_are_warm_whether_or_not_the_report_has_come():
    enhanced = Bench().enhanced
    enhanced.invoked("a", T0 + 20_000)
    enhanced.report("a", METRICS, T0, T0)
    enhanced.invoked("b", T0 + 20_001)
    assert enhanced.dynamic_tags == {"cold_start": "false"}


def test_a_restored_sandbox_is_cold_again():
    enhanced = Bench(init_type="snap-start").enhanced
    enhanced.invoked("a", T0)
    enhanced.restore_start(T0 + 5000)
    enhanced.invoked("b", T0 + 6000)
    assert enhanced.dynamic_tags == {"cold_start": "true"}


@pytest.mark.parametrize(
    ("environment", "reported", "tag"), [("snap-start", "", "snap-start"), ("", "on-demand", "on-demand"), ("", "", "on-demand")]
)
def test_the_init_type_is_spelt_as_the_environment_does(environment, reported, tag):
    bench = Bench(init_type=environment)
    bench.enhanced.init_report(412.25, T0, T0, reported)
    assert bench.take() == [("init_duration", f"init_type:{tag}", T0 // 1000, 0.41225)]


def test_the_tags_that_stay_are_on_all_later_points():
    bench = Bench(init_type="")
    bench.enhanced.init_start("python:3.12.DurableFunction.v1", T0)
    bench.enhanced.invoked("a", T0)
    bench.enhanced.set_runtime("python3.12")
    bench.enhanced.init_report(1, T0, T0)
    bench.enhanced.shutdown(T0)
    assert [(name, tags) for name, tags, *_ in bench.take()] == [
        ("init_duration", "cold_start:true,durable_function:true,init_type:on-demand,runtime:python3.12"),
        ("invocations", "cold_start:true,durable_function:true"),
        ("shutdowns", "cold_start:true,durable_function:true,init_type:on-demand,runtime:python3.12"),
    ]


def test_a_managed_sandbox_is_tagged_at_init_start():
    enhanced = Bench(init_type="lambda-managed-instances").enhanced
    enhanced.init_start("", T0)
    assert enhanced.dynamic_tags == {"cold_start": "true"}


@pytest.mark.parametrize(
    ("started_at_ms", "tags"),
    [(T0, {"cold_start": "true"}), (T0 + 10_001, {"cold_start": "false", "proactive_initialization": "true"})],
)
def test_the_first_invocation_of_a_managed_sandbox_has_the_tags_of_init_start_however_late_it_comes(started_at_ms, tags):
    enhanced = Bench(init_type="lambda-managed-instances").enhanced
    enhanced.init_start("", started_at_ms)
    enhanced.invoked("a", T0 + 60_000)
    assert enhanced.dynamic_tags == tags
    enhanced.invoked("b", T0 + 60_001)
    assert enhanced.dynamic_tags == {"cold_start": "false"}


def test_a_managed_sandbox_whose_init_start_was_lost_is_judged_by_its_first_invocation():
    enhanced = Bench(init_type="lambda-managed-instances").enhanced
    enhanced.invoked("a", T0 + 60_000)
    assert enhanced.dynamic_tags == {"cold_start": "false", "proactive_initialization": "true"}


# -- invocations --


def test_the_first_invocation_waits_for_init_start_and_keeps_its_time_and_tags():
    bench = Bench()
    bench.enhanced.invoked("a", T0)
    assert bench.take() == []
    bench.enhanced.init_start("DurableFunction", T0 + 30_000)
    assert bench.take() == [("invocations", "cold_start:true,durable_function:true", T0 // 1000, 1)]
    bench.enhanced.invoked("b", T0 + 40_000)
    assert bench.take() == [("invocations", "cold_start:false,durable_function:true", T0 // 1000 + 40, 1)]


@pytest.mark.parametrize(
    "release",
    [
        lambda enhanced: enhanced.started(),
        lambda enhanced: enhanced.restore_start(T0),
        lambda enhanced: enhanced.runtime_done("a", "success", T0, T0),
        lambda enhanced: enhanced.release(),
        lambda enhanced: enhanced.shutdown(T0),
        lambda enhanced: enhanced.invoked("b", T0 + 10),
    ],
)
def test_a_lost_init_start_does_not_hold_the_first_invocation_for_ever(release):
    bench = Bench()
    bench.enhanced.invoked("a", T0)
    release(bench.enhanced)
    points = [(tags, value) for name, tags, _, value in bench.take() if name == "invocations"]
    assert points[-1] == ("cold_start:true", 1)
    bench.enhanced.init_start("", T0)
    assert "invocations" not in bench.sums()


def test_managed_invocations_wait_for_nothing():
    bench = Bench(init_type="lambda-managed-instances")
    bench.enhanced.invoked("a", T0)
    assert bench.sums() == {"invocations": 1}


@pytest.mark.parametrize(("was_invoked", "sums"), [(True, {"shutdowns": 1}), (False, {"shutdowns": 1, "unused_init": 1})])
def test_a_shutdown_counts_and_tells_an_unused_init(was_invoked, sums):
    bench = Bench()
    if was_invoked:
        bench.started()
    bench.enhanced.shutdown(T0)
    assert bench.sums() == sums


def test_a_restore_does_not_make_a_used_init_unused():
    bench = Bench()
    bench.started()
    bench.enhanced.restore_start(T0)
    bench.enhanced.shutdown(T0)
    assert bench.sums() == {"shutdowns": 1}


# -- runtimeDone and report --


def test_runtime_done_gives_durations_bytes_and_response_spans():
    bench = Bench()
    spans = [{"name": "responseLatency", "durationMs": 23.02}, {"name": "responseDuration", "durationMs": 20}, {"name": "runtimeOverhead"}]
    bench.started().runtime_done("a", "success", T0, T0, {"durationMs": 23.5, "producedBytes": 41}, spans=spans)
    assert bench.sums() == {"runtime_duration": 23.5, "produced_bytes": 41, "response_latency": 23.02, "response_duration": 20}


def test_an_on_demand_report_gives_everything():
    bench = Bench()
    enhanced = bench.started(start=START)
    enhanced.runtime_done("a", "success", T0, T0, {"durationMs": 23.5}, end=END)
    assert bench.sums() == pytest.approx(
        {
            "runtime_duration": 23.5,
            "cpu_total_utilization_pct": 50,
            "cpu_total_utilization": 0.5,
            "num_cores": 1,
            "cpu_max_utilization": 50,
            "cpu_min_utilization": 50,
        }
    )
    enhanced.report("a", {**METRICS, "initDurationMs": 412.25}, T0, T0, end=END)
    assert bench.sums() == pytest.approx(
        {
            "duration": 0.03475,
            "billed_duration": 0.035,
            "memorysize": 1024,
            "max_memory_used": 91,
            "estimated_cost": 7.83335e-07,
            "post_runtime_duration": 11.25,
            "init_duration": 0.41225,
            "rx_bytes": 50,
            "tx_bytes": 100,
            "total_network": 150,
            "cpu_user_time": 20,
            "cpu_system_time": 40,
            "cpu_total_time": 60,
        }
    )
    assert enhanced.statistics().open_requests == 0


def test_a_report_of_an_unknown_request_has_no_measures():
    bench = Bench()
    bench.enhanced.report("lost", METRICS, T0, T0, end=END)
    assert sorted(bench.sums()) == ["billed_duration", "duration", "estimated_cost", "max_memory_used", "memorysize"]


def test_without_a_runtime_duration_there_is_no_post_runtime_duration():
    bench = Bench()
    enhanced = bench.started()
    enhanced.runtime_done("a", "success", T0, T0, {"durationMs": 0})
    enhanced.report("a", METRICS, T0, T0)
    assert "post_runtime_duration" not in bench.sums()


def test_a_managed_report_stands_for_runtime_done_too():
    bench = Bench(init_type="lambda-managed-instances")
    enhanced = bench.started()
    enhanced.report("a", {"durationMs": 100.5}, T0, T0, "timeout", spans=[{"name": "responseLatency", "durationMs": 20}])
    assert bench.sums() == {"duration": 0.1005, "runtime_duration": 20, "response_latency": 20, "errors": 1, "timeouts": 1}
    enhanced.invoked("b", T0)
    bench.take()
    enhanced.report("b", {"durationMs": 100.5}, T0, T0, "success")
    assert bench.sums() == {"duration": 0.1005, "runtime_duration": 100.5}
    enhanced.report("never seen", {"durationMs": 100.5}, T0, T0, "success")
    assert bench.sums() == {"duration": 0.1005}


@pytest.mark.parametrize("metrics", [None, {}, {"durationMs": "x"}])
def test_a_report_without_durations_only_closes_the_request(metrics):
    bench = Bench()
    enhanced = bench.started()
    enhanced.report("a", metrics, T0, T0)
    assert (bench.sums(), enhanced.statistics().open_requests) == ({}, 0)


def test_init_duration_comes_once():
    bench = Bench()
    bench.enhanced.init_report(None, T0, T0)
    bench.enhanced.init_report(100, T0, T0)
    bench.enhanced.init_report(200, T0, T0)
    bench.enhanced.report("a", {**METRICS, "initDurationMs": 300}, T0, T0)
    assert bench.sums()["init_duration"] == pytest.approx(0.1)


@pytest.mark.parametrize(("duration_ms", "sums"), [(700, {"snapstart_restore_duration": 0.7}), (None, {})])
def test_a_restore_has_a_duration(duration_ms, sums):
    bench = Bench()
    bench.enhanced.restore_report(duration_ms, T0, T0)
    assert bench.sums() == pytest.approx(sums)


def test_points_have_the_time_of_their_record_and_never_one_of_the_future():
    bench = Bench()
    enhanced = bench.started()
    enhanced.runtime_done("a", "error", T0 - 60_000, T0, {"durationMs": 1})
    enhanced.restore_report(1000, T0 + 60_000, T0)
    assert {(name, bucket_s - T0 // 1000) for name, _, bucket_s, _ in bench.take()} == {
        ("errors", -60),
        ("runtime_duration", -60),
        ("snapstart_restore_duration", 0),
    }


def test_a_value_that_is_no_number_is_refused_alone():
    bench = Bench()
    enhanced = bench.started()
    enhanced.runtime_done("a", "success", T0, T0, {"durationMs": "fast", "producedBytes": 41})
    assert (bench.sums(), enhanced.statistics().refused) == ({"produced_bytes": 41}, 1)


# -- errors and memory --


@pytest.mark.parametrize(
    ("status", "error_type", "sums"),
    [
        ("success", "", {}),
        ("", "", {}),
        ("failure", "Runtime.OutOfMemory", {"errors": 1}),
        ("error", "Runtime.ExitError", {"errors": 1}),
        ("error", "Runtime.OutOfMemory", {"errors": 1, "out_of_memory": 1}),
        ("timeout", "", {"errors": 1, "timeouts": 1}),
    ],
)
def test_a_failure_counts_even_without_metrics(status, error_type, sums):
    bench = Bench()
    bench.started().runtime_done("a", status, T0, T0, None, error_type)
    assert bench.sums() == sums


def test_a_request_has_at_most_one_error_from_whichever_side():
    bench = Bench()
    enhanced = bench.started()
    enhanced.error_reported("a", T0)
    enhanced.runtime_done("a", "error", T0, T0)
    enhanced.report("a", METRICS, T0, T0)
    enhanced.error_reported("a", T0)
    assert bench.sums()["errors"] == 1
    enhanced.error_reported("b", T0)
    assert bench.sums() == {"errors": 1}


SIGNALS = {
    "log": lambda enhanced: enhanced.out_of_memory("a", T0, T0),
    "log without id": lambda enhanced: enhanced.out_of_memory("", T0, T0),
    "runtime_done": lambda enhanced: enhanced.runtime_done("a", "error", T0, T0, None, "Runtime.OutOfMemory"),
    "report": lambda enhanced: enhanced.report("a", {**METRICS, "maxMemoryUsedMB": 1025}, T0, T0),
    "late log": lambda enhanced: enhanced.out_of_memory("a", T0, T0),
}


@given(st.permutations(["log", "log without id", "runtime_done"]), st.booleans())
def test_whatever_order_the_signals_come_in_memory_is_counted_once(order, is_late):
    bench = Bench()
    enhanced = bench.started()
    for signal in [*order, "report", *(["late log"] if is_late else [])]:
        SIGNALS[signal](enhanced)
    assert bench.sums()["out_of_memory"] == 1


def test_memory_is_counted_for_each_of_two_requests():
    bench = Bench()
    enhanced = bench.started()
    enhanced.invoked("b", T0)
    enhanced.out_of_memory("a", T0, T0)
    enhanced.out_of_memory("b", T0, T0)
    assert bench.sums()["out_of_memory"] == 2


@pytest.mark.parametrize(("used_mb", "count"), [(1023, 0), (1024, 1), (1025, 1)])
def test_all_memory_used_means_out_of_memory(used_mb, count):
    bench = Bench()
    bench.started().report("a", {**METRICS, "maxMemoryUsedMB": used_mb}, T0, T0)
    assert bench.sums().get("out_of_memory", 0) == count


@pytest.mark.parametrize("running", [0, 2])
def test_without_a_single_running_request_a_signal_without_id_is_counted_rather_than_lost(running):
    bench = Bench()
    for number in range(running):
        bench.enhanced.invoked(str(number), T0)
    bench.take()
    bench.enhanced.out_of_memory("", T0, T0)
    bench.enhanced.out_of_memory("", T0, T0)
    assert bench.sums()["out_of_memory"] == 2


def test_a_late_signal_of_a_request_that_was_given_up_is_not_counted_again():
    bench = Bench()
    enhanced = bench.started()
    enhanced.out_of_memory("a", T0, T0)
    enhanced.evict("a")
    enhanced.out_of_memory("a", T0, T0)
    assert (bench.sums(), enhanced.statistics().open_requests) == ({"out_of_memory": 1}, 0)


# -- measures and switches --


def test_managed_measures_are_taken_per_interval():
    bench = Bench(init_type="lambda-managed-instances")
    enhanced = bench.started(start=START)
    enhanced.interval(START, END, T0)
    enhanced.interval(END, END, T0)
    sums = bench.sums()
    assert (sums["rx_bytes"], sums["cpu_total_time"], sums["num_cores"]) == (50, 60, 1)
    enhanced.runtime_done("a", "success", T0, T0, end=END)
    assert bench.sums() == {}


def test_usage_is_emitted():
    bench = Bench()
    bench.enhanced.usage(Peaks(10, 5, 6), 100, 1024, 900, T0)
    assert bench.sums() == {
        "fd_max": 1024,
        "threads_max": 900,
        "tmp_used": 10,
        "tmp_max": 100,
        "tmp_free": 90,
        "fd_use": 5,
        "threads_use": 6,
    }


def everything(enhanced):
    enhanced.invoked("a", T0, START)
    enhanced.init_start("DurableFunction", T0)
    enhanced.init_report(1, T0, T0)
    enhanced.restore_start(T0)
    enhanced.restore_report(1, T0, T0)
    enhanced.error_reported("a", T0)
    enhanced.out_of_memory("a", T0, T0)
    enhanced.interval(START, END, T0)
    enhanced.runtime_done(
        "a", "timeout", T0, T0, {"durationMs": 1, "producedBytes": 1}, spans=[{"name": "responseLatency", "durationMs": 1}], end=END
    )
    enhanced.usage(Peaks(1, 1, 1), 1, 1, 1, T0)
    enhanced.report("a", METRICS, T0, T0, end=END)
    enhanced.shutdown(T0)


def test_switched_off_there_is_not_one_of_them():
    bench = Bench(is_enabled=False)
    everything(bench.enhanced)
    assert (bench.take(), bench.enhanced.statistics().points) == ([], 0)


def test_with_the_measures_switched_off_the_rest_remains():
    with_them, without = Bench(), Bench(is_proc_enabled=False)
    everything(with_them.enhanced)
    everything(without.enhanced)
    missing = with_them.sums().keys() - without.sums().keys()
    network_and_cpu = {"rx_bytes", "tx_bytes", "total_network", "cpu_user_time", "cpu_system_time", "cpu_total_time", "num_cores"}
    utilisation = {f"cpu_{which}" for which in ("total_utilization_pct", "total_utilization", "max_utilization", "min_utilization")}
    assert missing == network_and_cpu | utilisation | {"tmp_used", "tmp_max", "tmp_free", "fd_use", "threads_use", "fd_max", "threads_max"}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.integers(), lambda inner: st.lists(inner, max_size=2)
)
WILD_METRICS = st.dictionaries(st.sampled_from([*METRICS, "initDurationMs", "producedBytes"]), JSON_VALUES)


@given(WILD_METRICS, st.sampled_from(["", "error", "timeout", "odd"]), JSON_VALUES)
def test_odd_metrics_never_raise_and_what_leaves_is_json(metrics, status, duration):
    bench = Bench()
    enhanced = bench.started(start=START)
    spans = [{"name": "responseLatency", "durationMs": duration}, duration, {"name": [duration]}]
    enhanced.runtime_done("a", status, T0, T0, metrics, spans=spans)
    enhanced.init_report(duration, T0, T0)
    enhanced.report("a", metrics, T0, T0, status)
    json.dumps(bench.take(), allow_nan=False)


# -- records that are read before their INVOKE --


@pytest.mark.parametrize("before", [False, True], ids=["read after the INVOKE", "read before it"])
def test_a_report_is_tagged_as_the_next_invocation_whichever_is_read_first(before):
    bench = Bench()
    enhanced = bench.started()
    if before:
        enhanced.keep(Enhanced.report, "a", METRICS, T0, T0)
    enhanced.invoked("b", T0 + 1000)
    if not before:
        enhanced.report("a", METRICS, T0, T0)
    assert {tags for name, tags, *_ in bench.take() if name != "init_duration"} == {"cold_start:false"}


def test_a_kept_record_is_in_the_next_flush():
    bench = Bench()
    enhanced = bench.started()
    enhanced.keep(Enhanced.report, "a", METRICS, T0, T0)
    assert bench.take() == []
    enhanced.release()
    assert ("duration", "cold_start:true", T0 // 1000, 0.03475) in bench.take()


def test_a_shutdown_counts_what_was_kept():
    bench = Bench()
    bench.enhanced.keep(Enhanced.init_report, 412.25, T0, T0)
    bench.enhanced.shutdown(T0)
    assert bench.sums() == {"init_duration": 0.41225, "shutdowns": 1, "unused_init": 1}


def test_a_retried_request_does_not_take_over_what_its_first_try_was_counted():
    bench = Bench()
    enhanced = bench.started()
    enhanced.runtime_done("a", "error", T0, T0)
    enhanced.keep(Enhanced.report, "a", METRICS, T0, T0)
    enhanced.invoked("a", T0)
    enhanced.runtime_done("a", "error", T0, T0)
    assert bench.sums()["errors"] == 2


def test_kept_records_are_bounded():
    bench = Bench()
    enhanced = bench.started()
    for number in range(KEPT_RECORDS_MAX + 1):
        enhanced.keep(Enhanced.report, str(number), METRICS, T0, T0)
    assert bench.sums()["memorysize"] == 1024 * (KEPT_RECORDS_MAX + 1)
