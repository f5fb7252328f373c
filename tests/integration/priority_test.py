# SPDX-License-Identifier: Apache-2.0
"""Who goes first, and how an operation gets its tier and its tenant."""

import re

import pytest
from support.loadline import PATIENT_GATE, SlotHolder
from support.wait import eventually
from support.wire import SYNC, WireClient, only_error, query, statement

pytestmark = pytest.mark.quick


def test_the_best_tier_goes_first(patient_gate, database):
    """The worst comes first in time, and last out of the queue."""
    database.query("DROP TABLE IF EXISTS came")
    database.query("CREATE TABLE came (at serial, tier text)")
    order = ["t5", "t3", "t4", "t1", "t2", "t0", "t1"]
    patient_gate.fill()
    clients = []
    for count, tier in enumerate(order):
        client = WireClient.to(patient_gate.target)
        text = f"INSERT INTO came (tier) VALUES ('{tier}') /* priority='{tier}' */"
        client.send(query(text) if count % 2 else statement(text) + SYNC)
        patient_gate.wait_for_waiting(count + 1)
        clients.append(client)
    patient_gate.free()
    for client in clients:
        assert client.receive_until()[-1].tag == "Z"
        client.vanish()
    assert [tier for (tier,) in database.query("SELECT tier FROM came ORDER BY at")] == sorted(order)


POLICY = {
    "policies": [
        {"match": {"application": "checkout*"}, "tier": "t1", "tenant": "shop"},
        {"match": {"user": "md5_user"}, "tier": "t4"},
        {"match": {"database": "template1"}, "tier": "t5", "tenant": "reports"},
        {"match": {"comment.priority": "batch"}, "tier": "t4"},
        {"match": {"address": "127.0.0.0/8", "user": "plain"}, "tier": "t2"},
    ],
    "tenants": {"from": ["comment.tenant", "database"]},
    "ceilings": [{"user": "trusted", "best": "t3"}],
}


@pytest.fixture
def classify(make_loadline, database):
    """classify(sql, …): the tier and tenant that Loadline says it gave a refused operation."""
    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "5ms"}, top=POLICY)
    with SlotHolder(proxy, database):
        def ask(sql="SELECT now()", application=None, user="postgres", extended=False, **fields):
            target = proxy.target(user=user, **fields)
            with WireClient.to(target, application_name=application) as client:
                client.send(statement(sql) + SYNC if extended else query(sql))
                detail = only_error(client.receive_until()).fields()["D"]
                pairs = dict(re.findall(r"(\w+)=(\S+)", detail))
                return pairs["tier"], pairs["tenant"]

        yield ask


def test_rules_map_to_tiers_and_tenants(classify):
    assert classify() == ("t3", "postgres")
    assert classify(application="checkout-web") == ("t1", "shop")
    assert classify(dbname="template1") == ("t5", "reports")
    for extended in (False, True):
        assert classify("SELECT now() /* priority='batch' */", extended=extended)[0] == "t4"
        assert classify("/* priority='t1', tenant='acme' */ SELECT now()", extended=extended) == (
            "t1", "acme")
        assert classify("SELECT now() /*priority='t0',tenant='a%20b'*/", extended=extended)[0] == "t0"
        # A tag in a string is data, not a tag.
        assert classify("SELECT '/* priority=''t0'' */', now()", extended=extended)[0] == "t3"


def test_a_ceiling_bounds_what_a_user_may_claim(classify):
    assert classify(user="trusted")[0] == "t3"
    assert classify("SELECT now() /* priority='t0' */", user="trusted")[0] == "t3"
    assert classify(application="checkout-web", user="trusted") == ("t3", "shop")
    assert classify("SELECT now() /* priority='t5' */", user="trusted")[0] == "t5"


def test_a_prepared_statement_keeps_its_tags(make_loadline, database):
    """The comment is in Parse only; Bind and Execute must find it again."""
    from support import wire

    proxy = make_loadline(database, gate={"limit": 1, "wait_max": "5ms"})
    with WireClient.to(proxy.target()) as client:
        client.send(wire.parse("SELECT now() /* priority='t2', tenant='acme' */", "tagged"), SYNC)
        client.receive_until()
        with SlotHolder(proxy, database):
            client.send(wire.bind([], "tagged"), wire.execute(), SYNC)
            detail = only_error(client.receive_until()).fields()["D"]
            assert "tier=t2" in detail and "tenant=acme" in detail
            client.send(wire.bind([], ""), wire.execute(), SYNC)
            detail = only_error(client.receive_until()).fields()["D"]
            assert "tier=t3" in detail


def test_waiting_tiers_are_seen_in_the_counters(make_loadline, database):
    proxy = make_loadline(database, gate=PATIENT_GATE)
    with SlotHolder(proxy, database) as holder, WireClient.to(proxy.target()) as client:
        client.send(query("SELECT now() /* priority='t1' */"))
        eventually(lambda: proxy.gate()["waiting"] == 1, "it waits")
        holder.release()
        client.receive_until()
    assert proxy.metric("loadline_operations_admitted_total", tier="t1") == 1
