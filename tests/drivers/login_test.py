# SPDX-License-Identifier: Apache-2.0
"""Who may log in, how, and over which kind of socket: Loadline passes authentication through."""

import dataclasses
import socket

import psycopg
import pytest
from support.ports import free_port
from support.postgres import PASSWORD, USERS
from support.wait import eventually
from support.wire import Closed, WireClient, startup

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("user", USERS)
def test_each_way_to_authenticate(target, user):
    with target.with_user(user).connect() as connection:
        assert connection.execute("SELECT current_user").fetchone() == (user,)


@pytest.mark.parametrize("user", [user for user, method in USERS.items() if method != "trust"])
def test_a_wrong_password_gets_the_servers_refusal(target, user):
    wrong = dataclasses.replace(target.with_user(user), password=PASSWORD + "?")
    with pytest.raises(psycopg.OperationalError, match=f'password authentication failed for user "{user}"'):
        wrong.connect()


def test_an_unknown_database_gets_the_servers_refusal(target):
    with pytest.raises(psycopg.OperationalError, match='database "nowhere" does not exist'):
        dataclasses.replace(target, dbname="nowhere").connect()


def test_the_servers_refusal_keeps_its_code_and_is_followed_by_the_end(target):
    with WireClient(target.host, target.port) as client:
        client.send(startup({"user": "postgres", "database": "nowhere"}))
        messages = client.receive_all()
    errors = [m for m in messages if m.tag == "E"]
    assert [(e.severity, e.sqlstate) for e in errors] == [("FATAL", "3D000")]


def test_what_ssl_and_gss_preferences_do(target):
    for options in ({"sslmode": "prefer"}, {"gssencmode": "prefer"}, {"sslmode": "disable"}):
        with psycopg.connect(target.dsn(**options)) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="SSL"):
        psycopg.connect(target.dsn(sslmode="require"))


def test_listening_on_ipv6_and_on_a_unix_socket(make_loadline, database):
    folder_proxy_port = free_port()
    v6_port = free_port("::1")
    proxy = make_loadline(database, start=False)
    path = proxy.folder / f".s.PGSQL.{folder_proxy_port}"
    proxy.config["listeners"] += [
        {"name": "v6", "listen": f"[::1]:{v6_port}", "upstream": "main"},
        {"name": "local", "listen": f"unix:{path}", "upstream": "main"},
    ]
    proxy.write_config()
    proxy.start()
    for host, port in [("127.0.0.1", proxy.port), ("::1", v6_port),
                       (str(proxy.folder), folder_proxy_port)]:
        target = dataclasses.replace(proxy.target(), host=host, port=port)
        for user in USERS:
            with target.with_user(user).connect() as connection:
                assert connection.execute("SELECT current_user").fetchone() == (user,)
                connection.cancel()
        with WireClient.to(target) as client:
            assert client.value("SELECT 'raw'") == "raw"
    names = {listener["name"]: listener["accepted"] for listener in proxy.status()["listeners"]}
    assert set(names) == {"main", "v6", "local"} and all(names.values())
    proxy.terminate()
    assert proxy.wait() == 0
    assert not path.exists(), "the socket file is removed at the end"


def test_an_upstream_behind_a_unix_socket_and_behind_ipv6(make_loadline, database):
    for address in (f"unix:{database.socket_path}", f"[::1]:{database.port}",
                    f"localhost:{database.port}"):
        proxy = make_loadline(address)
        for user in USERS:
            with proxy.target().with_user(user).connect() as connection:
                assert connection.execute("SELECT current_user").fetchone() == (user,)


def test_a_stale_socket_file_is_taken_over_and_a_live_one_is_not(make_loadline, database):
    proxy = make_loadline(database, start=False)
    path = proxy.folder / "socket"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))
    proxy.config["listeners"][0]["listen"] = f"unix:{path}"
    proxy.write_config()
    proxy.start()
    second = make_loadline(database, start=False)
    second.config["listeners"][0]["listen"] = f"unix:{path}"
    second.write_config()
    second.spawn()
    assert second.wait() != 0
    assert str(path) in second.log_text()
    second.process = None
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_client_that_gives_up_during_authentication_leaves_nothing(make_loadline, database):
    proxy = make_loadline(database)
    for _ in range(20):
        client = WireClient(proxy.host, proxy.port)
        client.send(startup({"user": "scram_user", "database": "postgres"}))
        assert client.receive().tag == "R"
        client.reset()
    with WireClient(proxy.host, proxy.port) as client:
        client.send(startup({"user": "scram_user", "database": "postgres"}))
        assert client.receive().tag == "R"
        client.send(b"p\x00\x00\x00\x08\xff\xff\xff\xff")  # No SASL message at all.
        with pytest.raises(Closed):
            while True:
                got = client.receive()
                assert got.tag == "E"
    # make_loadline's end checks descriptors; the backends must be gone too.
    eventually(lambda: proxy.upstream()["backends_open"] == 0, "no backend left")
