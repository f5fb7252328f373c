// SPDX-License-Identifier: Apache-2.0
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.StringReader;
import java.math.BigDecimal;
import java.sql.BatchUpdateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.Arrays;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.LargeObject;
import org.postgresql.largeobject.LargeObjectManager;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/** The JDBC driver's tour: one line per step. Arguments: URL, "tour" or "ask". */
public final class Tour {
  private interface Step {
    void run() throws Exception;
  }

  private static void tell(String step, Object value) {
    System.out.println(step + "\t" + value);
  }

  private static void expect(boolean condition, String what) {
    if (!condition) throw new IllegalStateException(what);
  }

  private static String refused(Step step) throws Exception {
    try {
      step.run();
    } catch (SQLException error) {
      return error.getSQLState() + " " + error.getMessage().split("\n")[0];
    }
    throw new IllegalStateException("expected an error");
  }

  private static Object one(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
      rows.next();
      return rows.getObject(1);
    }
  }

  private static void types(Connection connection) throws Exception {
    try (PreparedStatement statement = connection.prepareStatement(
        "SELECT ?::int, ?::bigint, ?::text, ?::numeric, ?::bytea, ?::bool, ?::float8")) {
      for (int n = 0; n < 20; n++) {  // Beyond the 5th the driver uses a server-side statement, binary.
        statement.setInt(1, n);
        statement.setLong(2, Long.MIN_VALUE);
        statement.setString(3, n % 2 == 0 ? "ü–🐘" : null);
        statement.setBigDecimal(4, new BigDecimal("123456789.000000001"));
        statement.setBytes(5, new byte[] {0, 1, -1});
        statement.setBoolean(6, true);
        statement.setDouble(7, 1e-300);
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
          expect(rows.getInt(1) == n && rows.getLong(2) == Long.MIN_VALUE, "integers");
          tell("types", rows.getString(3) + " " + rows.getBigDecimal(4) + " "
              + Arrays.toString(rows.getBytes(5)) + " " + rows.getBoolean(6) + " " + rows.getDouble(7));
        }
      }
    }
  }

  private static void errors(Connection connection) throws Exception {
    for (String sql : new String[] {"SELECT 1/0", "SELEC", "SELECT * FROM nowhere", "SELECT 'x'::int"}) {
      tell(sql, refused(() -> one(connection, sql)));
      expect(one(connection, "SELECT 1").equals(1), "usable after an error");
    }
  }

  private static void transactions(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE TEMP TABLE t (id int PRIMARY KEY, name text)");
      connection.setAutoCommit(false);
      statement.execute("INSERT INTO t VALUES (1, 'one')");
      Savepoint savepoint = connection.setSavepoint();
      tell("duplicate", refused(() -> statement.execute("INSERT INTO t VALUES (1, 'again')")));
      tell("aborted", refused(() -> statement.execute("SELECT 1")));
      connection.rollback(savepoint);
      statement.execute("INSERT INTO t VALUES (2, 'two')");
      connection.commit();
      connection.setAutoCommit(true);
    }
    tell("count", one(connection, "SELECT count(*) FROM t"));
  }

  private static void batches(Connection connection) throws Exception {
    try (PreparedStatement statement = connection.prepareStatement("INSERT INTO t VALUES (?, ?)")) {
      for (int n = 100; n < 3100; n++) {
        statement.setInt(1, n);
        statement.setString(2, "batch " + n);
        statement.addBatch();
      }
      tell("batch", Arrays.stream(statement.executeBatch()).sum());
      for (int n : new int[] {5000, 100, 5001}) {
        statement.setInt(1, n);
        statement.setString(2, "x");
        statement.addBatch();
      }
      try {
        statement.executeBatch();
        throw new IllegalStateException("expected a failing batch");
      } catch (BatchUpdateException error) {
        tell("bad batch", error.getSQLState() + " " + Arrays.toString(error.getUpdateCounts()));
      }
    }
    tell("count", one(connection, "SELECT count(*) FROM t"));
  }

  private static void cursors(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.setFetchSize(100);
      long sum = 0;
      try (ResultSet rows = statement.executeQuery("SELECT generate_series(1, 10000)")) {
        while (rows.next()) sum += rows.getInt(1);
      }
      tell("cursor", sum);
    }
    connection.commit();
    connection.setAutoCommit(true);
  }

  private static void copies(Connection connection) throws Exception {
    CopyManager copies = connection.unwrap(PGConnection.class).getCopyAPI();
    StringBuilder text = new StringBuilder();
    for (int n = 10000; n < 30000; n++) text.append(n).append("\tcopied ü\n");
    tell("copy in", copies.copyIn("COPY t FROM STDIN", new StringReader(text.toString())));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    tell("copy out", copies.copyOut("COPY t TO STDOUT", out) + " " + out.size());
    tell("bad copy", refused(() -> copies.copyIn("COPY t FROM STDIN", new StringReader("bad\tbad\n"))));
    tell("count", one(connection, "SELECT count(*) FROM t"));
  }

  private static void largeObjects(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    LargeObjectManager objects = connection.unwrap(PGConnection.class).getLargeObjectAPI();
    long id = objects.createLO();
    LargeObject object = objects.open(id);
    byte[] bytes = new byte[1_000_000];
    for (int at = 0; at < bytes.length; at++) bytes[at] = (byte) at;
    object.write(bytes);
    object.seek(500_000);
    tell("large object", object.size() + " " + Arrays.toString(object.read(8)));
    object.close();
    objects.delete(id);
    connection.commit();
    connection.setAutoCommit(true);
  }

  private static void asynchronous(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.execute("LISTEN jdbc_tour");
      statement.execute("NOTIFY jdbc_tour, 'hello'");
      PGNotification[] heard = connection.unwrap(PGConnection.class).getNotifications(10_000);
      tell("notification", heard[0].getParameter());
      statement.execute("DO $$ BEGIN RAISE WARNING 'careful'; END $$");
      tell("warning", statement.getWarnings().getMessage());
      statement.setQueryTimeout(1);  // The driver sends a cancel request.
      tell("timeout", refused(() -> statement.execute("SELECT pg_sleep(60)")));
    }
    tell("after", one(connection, "SELECT 'fine'"));
    try (PreparedStatement statement = connection.prepareStatement("SELECT repeat('x', ?)")) {
      statement.setInt(1, 50 << 20);
      try (ResultSet rows = statement.executeQuery()) {
        rows.next();
        tell("large row", rows.getString(1).length());
      }
    }
  }

  /** Asks once per line of standard input, and tells what came back. */
  private static void askOnCommand(Connection connection) throws Exception {
    PreparedStatement prepared = connection.prepareStatement("SELECT ?::int");
    tell("ready", "");
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
    for (String line; (line = input.readLine()) != null;) {
      try {
        if (line.equals("batch")) {
          for (int n = 0; n < 3; n++) {
            prepared.setInt(1, n);
            prepared.addBatch();
          }
          prepared.executeBatch();
        }
        prepared.setInt(1, 42);
        try (ResultSet rows = prepared.executeQuery()) {
          rows.next();
          tell("answer", rows.getInt(1));
        }
      } catch (SQLException error) {
        SQLException cause = error instanceof BatchUpdateException ? error.getNextException() : error;
        ServerErrorMessage message = ((PSQLException) cause).getServerErrorMessage();
        tell("refused", message.getSQLState() + "|" + message.getDetail() + "|" + message.getHint()
            + "|" + connection.isClosed());
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    try (Connection connection = DriverManager.getConnection(arguments[0])) {
      if (arguments[1].equals("ask")) {
        askOnCommand(connection);
        return;
      }
      types(connection);
      errors(connection);
      transactions(connection);
      batches(connection);
      cursors(connection);
      copies(connection);
      largeObjects(connection);
      asynchronous(connection);
    }
  }

  private Tour() {}
}
