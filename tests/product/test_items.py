"""Monitored items whose tags come and go, and which of the values between two samples are reported."""

import time

from asyncua import ua

from harness.process import SLOW, wait_until
from harness.product import Tagwire, sim_device
from harness.session import Session, data_changes, tag

T = ua.VariantType


def set_mode(session, subscription, item, mode):
    request = ua.SetMonitoringModeRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.MonitoringMode = ua.MonitoringMode(mode)
    request.Parameters.MonitoredItemIds = [item]
    return session.call(request).Parameters.Results[0]


def config(tags: str) -> str:
    return sim_device(tags, scan="50ms")


def test_an_item_that_was_disabled_never_reports_another_tag(tmp_path):
    with Tagwire(tmp_path, config("a static f64 rw\nkept static f64 rw")) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("mem.all.a")) == "Good", 5 * SLOW, "the tag is there")
        made = session.subscribe(interval=50.0, keep_alive=2)
        item = session.monitor(made.SubscriptionId, [session.item(tag("mem.all.a"), mode=0)])[0].MonitoredItemId
        server.configure(config("kept static f64 rw"))
        server.reload()
        assert session.read_status(tag("mem.all.a")) == "BadNodeIdUnknown"
        server.configure(config("kept static f64 rw\nb static(999) f64 rw"))
        server.reload()
        wait_until(lambda: session.read_status(tag("mem.all.b")) == "Good", 5 * SLOW, "the other tag is there")
        set_mode(session, made.SubscriptionId, item, 2)
        for _, value in session.changes(1.0):
            assert value.StatusCode.value == ua.StatusCodes.BadNodeIdUnknown, value


def test_items_go_on_when_their_tag_comes_back_even_with_another_type(tmp_path):
    with Tagwire(tmp_path, config("a static(1) f64 rw\nkept static f64 rw")) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("mem.all.a")) == "Good", 5 * SLOW, "the tag is there")
        made = session.subscribe(interval=50.0, keep_alive=2)
        session.monitor(made.SubscriptionId, [session.item(tag("mem.all.a"), queue=100)])
        seen = []

        def sees(value):
            seen.extend(found.Value.Value for _, found in data_changes(session.publish()) if found.StatusCode.is_good())
            return seen and seen[-1] == value

        wait_until(lambda: sees(1.0), 5 * SLOW, "the first value")
        server.configure(config("kept static f64 rw"))
        server.reload()
        server.configure(config("a static(2) f64 rw\nkept static f64 rw"))
        server.reload()
        wait_until(lambda: sees(2.0), 5 * SLOW, "the value of the tag that came back")
        server.configure(config("a static(3) i32 rw\nkept static f64 rw"))
        server.reload()
        wait_until(lambda: sees(3), 5 * SLOW, "the value of another type")
        assert session.write(tag("mem.all.a"), 4, T.Int32) == "Good"
        wait_until(lambda: sees(4), 5 * SLOW, "a later change")


def test_u14_a_value_that_stands_for_longer_than_the_sampling_interval_is_reported(tmp_path):
    with Tagwire(tmp_path, config("a static i32 rw")) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("mem.all.a")) == "Good", 5 * SLOW, "the tag is there")
        made = session.subscribe(interval=2000.0, keep_alive=10)
        session.monitor(made.SubscriptionId, [session.item(tag("mem.all.a"), sampling=200.0, queue=50)])
        time.sleep(0.3)
        for value, pause in ((1, 0.05), (2, 0.6), (3, 0.6), (4, 0.0)):
            assert session.write(tag("mem.all.a"), value, T.Int32) == "Good"
            time.sleep(pause)
        found = [value.Value.Value for _, value in session.changes(5.0, count=4)]
        assert [value for value in found if value in (2, 3, 4)] == [2, 3, 4], found


def test_u21_what_is_triggered_reports_the_value_of_the_same_poll(tmp_path):
    signals = "\n".join(f"{name} counter(period=100ms) i32 ro" for name in ("z", "a", "b"))
    with Tagwire(tmp_path, config(signals)) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("mem.all.a")) == "Good", 5 * SLOW, "the counters count")
        made = session.subscribe(interval=100.0, keep_alive=10)
        items = [session.item(tag(f"mem.all.{name}"), handle=handle, mode=mode, queue=10) for handle, (name, mode) in
                 enumerate((("z", 1), ("a", 2), ("b", 1)))]
        ids = [result.MonitoredItemId for result in session.monitor(made.SubscriptionId, items)]
        request = ua.SetTriggeringRequest()
        request.Parameters.SubscriptionId = made.SubscriptionId
        request.Parameters.TriggeringItemId = ids[1]
        request.Parameters.LinksToAdd = [ids[0], ids[2]]
        assert all(result.is_good() for result in session.call(request).Parameters.AddResults)
        session.publish()
        for _ in range(10):
            found = data_changes(session.publish())
            latest = {handle: value.Value.Value for handle, value in found}
            assert len(set(latest.values())) <= 1, f"values of different polls together: {found}"


def test_u24_resent_data_is_the_current_value_although_a_deadband_held_it_back(tmp_path):
    with Tagwire(tmp_path, config("a static(50) f64 rw")) as server, Session(server.port) as session:
        wait_until(lambda: session.read_status(tag("mem.all.a")) == "Good", 5 * SLOW, "the tag is there")
        made = session.subscribe(interval=50.0, keep_alive=100)
        deadband = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValue, DeadbandType=1, DeadbandValue=10.0)
        session.monitor(made.SubscriptionId, [session.item(tag("mem.all.a"), filter_=deadband)])
        assert [value.Value.Value for _, value in session.changes(2.0 * SLOW, count=1)] == [50.0]
        assert session.write(tag("mem.all.a"), 57.0, T.Double) == "Good"
        time.sleep(0.2)
        (resent,) = session.call_methods(("i=2253", "i=12873", ua.Variant(made.SubscriptionId, T.UInt32)))
        assert resent.StatusCode.is_good()
        assert [value.Value.Value for _, value in session.changes(2.0 * SLOW, count=1)] == [57.0]
