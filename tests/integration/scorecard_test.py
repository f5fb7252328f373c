# SPDX-License-Identifier: Apache-2.0
"""Scorecards and dry runs, on a real database."""

import re

import pytest
from support.loadline import PATIENT_GATE, SlotHolder
from support.shed_check import check_refusal
from support.wait import eventually
from support.wire import WireClient, only_error, query, tags

pytestmark = pytest.mark.quick

# One party's second statement is refused at once: its first is active, and none may wait.
ROOMY_GATE = {"limit": 8, "wait_max": "30ms"}


def card(each, **more):
    return {"name": "noisy", "each": each, "active_max": 1, "waiting_max": 1, **more}


def assert_capped(messages, **expected):
    assert tags(messages) == "EZ" and messages[-1].body == b"I"
    fields = messages[0].fields()
    check_refusal(fields["C"], fields["D"], fields["H"], reason="scorecard", **expected)
    assert re.search(r"\bscorecard=noisy cap=1\b", fields["D"]), fields["D"]


class Locked:
    """Statements that wait for a lock that the test holds: as many as it likes, of any client."""

    def __init__(self, database, key):
        self.sql = f"SELECT pg_advisory_lock({key}), pg_advisory_unlock({key})"
        self._keeper = database.connect()
        self._keeper.execute("SELECT pg_advisory_lock(%s)", [key])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def release(self):
        self._keeper.close()


def test_one_users_excess_is_shed_and_others_are_served(make_loadline, database):
    proxy = make_loadline(database, gate=ROOMY_GATE, top={"scorecards": [card("user")]})
    with WireClient.to(proxy.target(user="trusted")) as noisy, WireClient.to(proxy.target()) as other, \
            SlotHolder(proxy, database, user="trusted"):
        for _ in range(5):
            assert_capped(noisy.ask("SELECT now()"))
            assert tags(other.ask("SELECT now()")) == "TDCZ"
        assert proxy.gate()["active"] == 1
        assert proxy.gate()["scorecards"][0]["cap"] == 1
        assert proxy.metric("loadline_operations_shed_total", reason="scorecard") == 5
        # An open transaction of its own isn't the scorecard's business, but its begin is.
        assert_capped(noisy.ask("BEGIN"))
        assert tags(noisy.ask("SET work_mem = '5MB'")) == "CZ"
    with WireClient.to(proxy.target(user="trusted")) as noisy:
        assert tags(noisy.ask("SELECT now()")) == "TDCZ"


def test_one_tenants_excess_is_shed_on_a_connection_of_many(make_loadline, database):
    """The tenant is the statement's: one connection serves several, and stays usable throughout."""
    proxy = make_loadline(database, gate=ROOMY_GATE, top={"scorecards": [card("tenant")]})
    with WireClient.to(proxy.target()) as shared, WireClient.to(proxy.target()) as first, \
            Locked(database, 71) as locked:
        first.send(query(f"{locked.sql} /* tenant='acme' */"))
        eventually(lambda: proxy.gate()["active"] == 1, "acme's statement runs")
        for _ in range(5):
            assert_capped(shared.ask("SELECT now() /* tenant='acme' */"), tenant="acme")
            assert tags(shared.ask("SELECT now() /* tenant='zenith' */")) == "TDCZ"
        locked.release()
        assert tags(first.receive_until()) == "TDCZ"
        assert tags(shared.ask("SELECT now() /* tenant='acme' */")) == "TDCZ"


def test_what_waits_for_its_partys_cap_runs_when_the_party_has_room(make_loadline, database):
    proxy = make_loadline(database, gate={**PATIENT_GATE, "limit": 8}, top={"scorecards": [card("user")]})
    with WireClient.to(proxy.target()) as first, WireClient.to(proxy.target()) as second, \
            WireClient.to(proxy.target()) as third, Locked(database, 72) as locked:
        first.send(query(locked.sql))
        eventually(lambda: proxy.gate()["active"] == 1, "the first runs")
        second.send(query("SELECT now()"))
        eventually(lambda: proxy.gate()["waiting"] == 1, "the second waits for the cap, slots are free")
        assert proxy.gate()["binding"] == "scorecards"
        assert_capped(third.ask("SELECT now()"))  # waiting_max is 1.
        locked.release()
        assert tags(first.receive_until()) == "TDCZ"
        assert tags(second.receive_until()) == "TDCZ"


def test_a_scorecards_dry_run_only_counts(make_loadline, database):
    proxy = make_loadline(database, gate=ROOMY_GATE, top={"scorecards": [card("user", dry_run=True)]})
    with WireClient.to(proxy.target()) as client, SlotHolder(proxy, database):
        assert tags(client.ask("SELECT now()")) == "TDCZ"
        shown = proxy.gate()["scorecards"][0]
        assert shown["dry_run"] is True and shown["shed"] == 1
        assert proxy.metric("loadline_operations_shed_total") == 0


def test_a_gates_dry_run_admits_everything_and_says_so(make_loadline, database):
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "5ms", "dry_run": True})
    clients = [WireClient.to(proxy.target()) for _ in range(5)]
    with Locked(database, 73) as locked:
        for count, client in enumerate(clients, start=1):
            client.send(query(locked.sql))
            eventually(lambda: proxy.gate()["active"] == count, "it is active beyond the limit")
        gate = proxy.gate()
        assert gate["dry_run"] is True and gate["waiting"] == 0
        assert gate["explanation"].startswith("dry run, nothing is enforced: ")
        assert "5 active at a limit of 1.0" in gate["explanation"]
    for client in clients:
        assert tags(client.receive_until()) == "TDCZ"
        client.vanish()
    assert proxy.metric("loadline_operations_shed_total") == 0


def test_a_gates_dry_run_counts_what_overload_would_have_shed(make_loadline, database):
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "5ms", "dry_run": True})
    clients = [WireClient.to(proxy.target()) for _ in range(8)]

    def would_shed():
        for client in clients:
            client.send(query("SELECT pg_sleep(0.01)"))
        for client in clients:
            assert tags(client.receive_until()) == "TDCZ"
        return proxy.metric("loadline_operations_would_shed_total") > 0

    eventually(would_shed, "eight at a time are more than one", within=20)
    assert proxy.metric("loadline_operations_shed_total") == 0
    reasons = proxy.gate()["tiers"]["t3"]["would_shed"]
    assert sum(reasons.values()) == sum(reasons[r] for r in ("overload", "queue_timeout", "deadline"))
    for client in clients:
        client.vanish()


def test_a_gates_dry_run_counts_what_a_scorecard_would_have_shed(make_loadline, database):
    proxy = make_loadline(database, gate={"limit": 2, "dry_run": True}, top={"scorecards": [card("user")]})
    clients = [WireClient.to(proxy.target()) for _ in range(5)]
    with Locked(database, 75) as locked:
        for count, client in enumerate(clients, start=1):
            client.send(query(locked.sql))
            eventually(lambda: proxy.gate()["active"] == count, "it is active beyond cap and limit")
    for client in clients:
        assert tags(client.receive_until()) == "TDCZ"
        client.vanish()
    assert proxy.metric("loadline_operations_shed_total") == 0
    # Of five, one would have been active and one would have waited.
    assert proxy.metric("loadline_operations_would_shed_total", reason="scorecard") == 3


def test_a_rules_dry_run_spares_what_it_matches(make_loadline, database):
    proxy = make_loadline(
        database, gate={"limit": 2, "wait_max": "5ms"},
        top={"policies": [{"match": {"application": "trial"}, "dry_run": True}],
             "scorecards": [card("user")]})
    with WireClient.to(proxy.target(), application_name="trial") as spared, \
            WireClient.to(proxy.target(), application_name="trial") as beside, \
            WireClient.to(proxy.target()) as refused, SlotHolder(proxy, database), \
            SlotHolder(proxy, database, user="trusted"), Locked(database, 74) as locked:
        assert tags(spared.ask("SELECT now()")) == "TDCZ"
        assert only_error(refused.ask("SELECT now()")).sqlstate == "53000"
        assert proxy.metric("loadline_operations_would_shed_total", reason="scorecard") == 0
        beside.send(query(locked.sql))
        eventually(lambda: proxy.gate()["active"] == 3, "it runs beyond the limit")
        assert tags(spared.ask("SELECT now()")) == "TDCZ"  # The user's third at once.
        assert proxy.metric("loadline_operations_would_shed_total", reason="scorecard") == 1
        assert only_error(refused.ask("SELECT now()")).sqlstate == "53000"
        locked.release()
        assert tags(beside.receive_until()) == "TDCZ"


def test_a_reload_into_a_dry_run_lets_go_of_what_waits(patient_gate):
    proxy = patient_gate.proxy
    clients = [WireClient.to(patient_gate.target) for _ in range(3)]
    patient_gate.fill()
    for count, client in enumerate(clients, start=1):
        client.send(query("SELECT now()"))
        patient_gate.wait_for_waiting(count)
    proxy.config["upstreams"]["main"]["gate"]["dry_run"] = True
    proxy.write_config()
    proxy.reload()
    for client in clients:
        assert tags(client.receive_until()) == "TDCZ"
        client.vanish()
    assert proxy.gate()["dry_run"] is True
    # And back: the limit holds again.
    proxy.config["upstreams"]["main"]["gate"]["dry_run"] = False
    proxy.write_config()
    proxy.reload()
    eventually(lambda: proxy.status()["config_reloads"] == 2, "the file is taken")
    with WireClient.to(patient_gate.target) as client:
        client.send(query("SELECT now()"))
        patient_gate.wait_for_waiting(1)
        patient_gate.free()
        assert tags(client.receive_until()) == "TDCZ"
