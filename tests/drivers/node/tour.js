// SPDX-License-Identifier: Apache-2.0
'use strict';
// node-postgres: prints one JSON line per step. Connection settings come from PG* variables.
const assert = require('node:assert');
const { once } = require('node:events');
const { pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');
const { Client, Pool } = require('pg');
const Cursor = require('pg-cursor');
const { from: copyFrom, to: copyTo } = require('pg-copy-streams');

function tell(step, value) {
  console.log(JSON.stringify([step, value === undefined ? null : value]));
}

async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return { code: error.code, severity: error.severity, message: error.message, position: error.position };
  }
  throw new assert.AssertionError({ message: 'expected an error' });
}

async function types(client) {
  for (const [kind, value] of [
    ['int4', 42], ['text', 'ü–🐘'], ['bool', true], ['float8', 1e-300], ['jsonb', { a: [1, null] }],
    ['int4[]', [1, 2]], ['bytea', Buffer.from([0, 1, 255])], ['text', null],
  ]) {
    const { rows } = await client.query(`SELECT $1::${kind} AS v`, [value]);
    assert.deepStrictEqual(rows[0].v, value);
    tell(`type ${kind}`, rows[0].v);
  }
}

async function errors(client) {
  for (const text of ['SELECT 1/0', 'SELEC', 'SELECT * FROM nowhere', "SELECT 'x'::int"]) {
    tell(text, await refused(client.query(text)));
    tell(text, await refused(client.query(text.replace('SELECT', 'SELECT $1::int,'), [1])));
    assert.strictEqual((await client.query('SELECT 1 AS one')).rows[0].one, 1);
  }
  tell('several', (await client.query('SELECT 1 AS a; SELECT 2 AS b')).map((r) => r.rows));
}

async function transactions(client) {
  await client.query('CREATE TEMP TABLE t (id int PRIMARY KEY)');
  await client.query('BEGIN');
  await client.query('INSERT INTO t VALUES ($1)', [1]);
  await client.query('SAVEPOINT s');
  tell('duplicate', await refused(client.query('INSERT INTO t VALUES (1)')));
  tell('aborted', await refused(client.query('SELECT 1')));
  await client.query('ROLLBACK TO s');
  await client.query('INSERT INTO t VALUES (2)');
  await client.query('COMMIT');
  tell('rows', (await client.query('SELECT * FROM t ORDER BY id')).rows);
}

async function prepared(client) {
  let sum = 0;
  for (let n = 0; n < 500; n += 1) {
    const { rows } = await client.query({ name: 'plus', text: 'SELECT $1::int + 1 AS v', values: [n] });
    sum += rows[0].v;
  }
  tell('prepared', sum);
  // Sent without waiting: node-postgres queues them and keeps them apart.
  const answers = await Promise.all(
    Array.from({ length: 300 }, (_, n) => client.query('SELECT $1::int AS v', [n])));
  tell('queued', answers.every((a, n) => a.rows[0].v === n));
}

async function cursorsAndCopies(client) {
  const cursor = client.query(new Cursor('SELECT generate_series(1, 1000) AS v'));
  const some = await cursor.read(10);
  await cursor.close();
  tell('cursor', some.map((r) => r.v));
  await client.query('CREATE TEMP TABLE c (id int, name text)');
  const lines = Array.from({ length: 20000 }, (_, n) => `${n}\tname ü ${n}\n`);
  await pipeline(Readable.from(lines), client.query(copyFrom('COPY c FROM STDIN')));
  let size = 0;
  for await (const chunk of client.query(copyTo('COPY c TO STDOUT'))) size += chunk.length;
  tell('copied', [(await client.query('SELECT count(*)::int AS n FROM c')).rows[0].n, size]);
  tell('bad copy', await refused(
    pipeline(Readable.from(['1\tfine\n', 'bad\tbad\n']), client.query(copyFrom('COPY c FROM STDIN')))));
  tell('after', (await client.query('SELECT count(*)::int AS n FROM c')).rows);
}

async function asynchronous(client) {
  const heard = once(client, 'notification');
  await client.query('LISTEN node_tour');
  await client.query("NOTIFY node_tour, 'hello'");
  tell('notification', (await heard)[0].payload);
  const notice = once(client, 'notice');
  await client.query("DO $$ BEGIN RAISE NOTICE 'seen'; END $$");
  tell('notice', (await notice)[0].message);
  await client.query("SET statement_timeout = '30ms'");
  tell('timeout', await refused(client.query('SELECT pg_sleep(60)')));
  await client.query('RESET statement_timeout');
  tell('large', (await client.query("SELECT repeat('x', 50 * 1024 * 1024) AS v")).rows[0].v.length);
}

async function pooled() {
  const pool = new Pool({ max: 10 });
  const rows = await Promise.all(
    Array.from({ length: 200 }, (_, n) => pool.query('SELECT $1::int AS v', [n])));
  tell('pool', rows.every((r, n) => r.rows[0].v === n));
  await pool.end();
}

async function tour() {
  const client = new Client();
  await client.connect();
  for (const part of [types, errors, transactions, prepared, cursorsAndCopies, asynchronous]) {
    await part(client);
  }
  await client.end();
  await pooled();
}

// Asks once per line of standard input, and tells what came back.
async function askOnCommand() {
  const client = new Client();
  await client.connect();
  tell('ready');
  for await (const line of require('node:readline').createInterface({ input: process.stdin })) {
    try {
      const { rows } = line === 'extended'
        ? await client.query('SELECT $1::int AS v', [42]) : await client.query('SELECT 42 AS v');
      tell('answer', rows[0].v);
    } catch (error) {
      tell('refused', { code: error.code, detail: error.detail, hint: error.hint, severity: error.severity });
    }
  }
  await client.end();
}

(process.argv[2] === 'ask' ? askOnCommand() : tour()).catch((error) => {
  console.error(error);
  process.exit(1);
});
