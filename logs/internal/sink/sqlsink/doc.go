// Package sqlsink writes log lines to a table of a database: MySQL or MariaDB, PostgreSQL, or
// SQLite.
//
//	s, err := sqlsink.New(sqlsink.Config{
//		Driver: "mysql", DSN: "logsub@tcp(db:3306)/", Table: "weblogs.logs",
//		Columns: []sqlsink.Column{{"host", sqlsink.SenderHost}, {"group", sqlsink.Group}, {"timestamp", sqlsink.Time}, {"data", sqlsink.Line}},
//	})
//	err = queue.Deliver(ctx, s.Write, nil)
//
// # How it works
//
// A batch of package queue is one transaction of prepared inserts, 64 rows a statement. When it is
// committed its lines are acknowledged. An error is of one of two kinds:
//
//   - The data: a value too long, an encoding that the column does not have, a constraint. The
//     batch is cut in two, and so on, until the line is found that the database refuses; it is
//     dropped and counted ([Stats.Refused]), the others are written.
//   - Anything else: the database is away, the table is not there, a right is missing, the disk is
//     full. The connection is closed, and the batch stays with the caller, to come again.
//
// Before any line was accepted, a refused one may mean that the columns do not fit the table. Then
// a plain line is tried, which is rolled back; if that is refused too nothing is dropped.
//
// # What it guarantees
//
//   - A line is acknowledged when the transaction that has it is committed, or when the database
//     has refused the line alone.
//   - Without [Config.Positions]: at least once. If the answer to a commit is lost, with the
//     connection or in a crash of ours, the transaction is written again, which repeats up to a
//     batch of lines if it had been committed.
//   - With Positions: exactly once. The place of the last line (package queue) is written by the
//     same transaction to a row of a second table, by a compare-and-swap; what the database has
//     already is told from it at the next connection.
//   - Values go to the database as parameters, and names quoted, whatever they have in them.
//   - No error has the DSN or its password in it.
//
// # What it does not
//
// It makes no table, and does not write to those of MySQL's engines that have no transactions
// (MyISAM, Aria): one that fails in the middle would be written twice in part. It does not cut
// values to fit: MySQL is asked for its strict mode, as it would cut them silently. Times are UTC.
//
// # Limits
//
// One connection and one statement at a time. [Config.Timeout] bounds connecting, and each
// transaction. SQLite is there on the systems that modernc.org/sqlite knows; elsewhere [New] says
// so.
//
// # How to debug
//
// Errors are [*Error], and say what was being done. The statements are those of statements.go.
//
// # References
//
// docs/logs/logsub.md, on databases.
package sqlsink
