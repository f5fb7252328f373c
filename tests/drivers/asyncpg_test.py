# SPDX-License-Identifier: Apache-2.0
"""asyncpg: its own binary implementation of the protocol, statement cache, pool."""

import asyncio
import datetime
import decimal
import io
import uuid

import asyncpg
import pytest
from support.shed_check import check_refusal


async def connect(target, **options):
    return await asyncpg.connect(
        host=target.host, port=target.port, user=target.user, database=target.dbname,
        password=target.password or None, timeout=10, ssl=False, **options,
    )


@pytest.mark.quick
def test_tour(target, same_as_direct):
    async def tour():
        story = []
        connection = await connect(target)
        for kind, value in [
            ("int8", 2**62), ("text", "ü🐘"), ("bytea", bytes(range(256))), ("bool", None),
            ("numeric", decimal.Decimal("1.000000000000000000001")),
            ("timestamptz", datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)),
            ("uuid", uuid.UUID(int=7)), ("int4[]", [1, None, 3]), ("interval", datetime.timedelta(1)),
            ("inet", None), ("jsonb", '{"a": 1}'),
        ]:
            got = await connection.fetchval(f"SELECT $1::{kind}", value)
            assert got == value, kind
            story.append((kind, str(got)))
        for statement, error in [
            ("SELECT 1/0", asyncpg.DivisionByZeroError),
            ("SELEC", asyncpg.PostgresSyntaxError),
            ("SELECT * FROM nowhere", asyncpg.UndefinedTableError),
        ]:
            with pytest.raises(error) as caught:
                await connection.fetch(statement)
            story.append((caught.value.sqlstate, str(caught.value)))
        await connection.execute("CREATE TEMP TABLE t (id int PRIMARY KEY, name text)")
        await connection.executemany("INSERT INTO t VALUES ($1, $2)", [(n, "n") for n in range(3000)])
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.executemany("INSERT INTO t VALUES ($1, $2)", [(9999, "n"), (1, "n")])
        story.append(await connection.fetchval("SELECT count(*) FROM t"))
        async with connection.transaction():
            with pytest.raises(asyncpg.UniqueViolationError):
                async with connection.transaction():
                    await connection.execute("INSERT INTO t VALUES (1, 'again')")
            total = 0
            async for row in connection.cursor("SELECT id FROM t", prefetch=100):
                total += row["id"]
            story.append(total)
        story.append(await connection.copy_records_to_table(
            "t", records=[(n, "copied") for n in range(5000, 9000)]))
        out = io.BytesIO()
        story.append(await connection.copy_from_query("SELECT * FROM t", output=out, format="binary"))
        story.append(len(out.getvalue()))
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.copy_records_to_table("t", records=[(20000, "x"), (1, "x")])
        for n in range(400):
            assert await connection.fetchval("SELECT $1::int * 2", n) == 2 * n
        for n in range(120):
            assert await connection.fetchval(f"SELECT {n}") == n
        with pytest.raises(asyncio.TimeoutError):
            await connection.execute("SELECT pg_sleep(60)", timeout=0.1)
        story.append(await connection.fetchval("SELECT 'still there'"))
        story.append(len(await connection.fetchval("SELECT repeat('y', 50 * 1024 * 1024)")))
        heard, notices = asyncio.Queue(), []
        await connection.add_listener("asyncpg_tour", lambda *a: heard.put_nowait(a[3]))
        connection.add_log_listener(lambda _, m: notices.append(m.message))
        await connection.execute("NOTIFY asyncpg_tour, 'hello'")
        story.append(await asyncio.wait_for(heard.get(), 10))
        await connection.execute("DO $$ BEGIN RAISE WARNING 'careful'; END $$")
        await asyncio.sleep(0)
        story.append(notices)
        await connection.reset()
        await connection.close()
        return story

    story = asyncio.run(tour())
    assert "hello" in story and 3000 in story
    same_as_direct(story)


@pytest.mark.quick
def test_pool_of_concurrent_users(target):
    async def tour():
        async with asyncpg.create_pool(
            host=target.host, port=target.port, user=target.user, database=target.dbname,
            min_size=4, max_size=12, ssl=False,
        ) as pool:
            async def work(n):
                async with pool.acquire() as connection:
                    return await connection.fetchval("SELECT $1::int + 1", n)

            return await asyncio.gather(*(work(n) for n in range(400)))

    assert asyncio.run(tour()) == list(range(1, 401))


@pytest.mark.quick
def test_a_shed_operation_is_an_ordinary_error(full_gate):
    async def tour():
        connection = await connect(full_gate.target)
        prepared = await connection.prepare("SELECT 40 + 2")
        assert await prepared.fetchval() == 42
        await asyncio.to_thread(full_gate.fill)
        for ask in (lambda: prepared.fetchval(), lambda: connection.fetchval("SELECT 40 + 3"),
                    lambda: connection.execute("SELECT 40 + 4")):
            with pytest.raises(asyncpg.InsufficientResourcesError) as caught:
                await ask()
            check_refusal(caught.value.sqlstate, caught.value.detail, caught.value.hint)
            assert not connection.is_closed()
        await asyncio.to_thread(full_gate.free)
        assert await prepared.fetchval() == 42
        assert await connection.fetchval("SELECT 40 + 3") == 43
        await connection.close()

    asyncio.run(tour())
