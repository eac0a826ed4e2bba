// Package sqlsink writes log lines to a table of a database: MySQL or MariaDB, PostgreSQL, or
// SQLite.
//
//	s, err := sqlsink.New(sqlsink.Config{
//		Driver: "mysql", DSN: "logsub@tcp(db:3306)/", Table: "weblogs.logs",
//		Columns: []sqlsink.Column{{"host", sqlsink.SenderHost}, {"group", sqlsink.Group}, {"timestamp", sqlsink.Time}, {"data", sqlsink.Line}},
//	})
//	...
//	err = s.Deliver(ctx, batch) // one transaction
//
// # How it works
//
// A batch of package queue is one transaction of prepared inserts, with 64 rows in a statement. Its
// lines are acknowledged when it is committed. There are two kinds of errors:
//
//   - Data errors: a value is too long or violates a constraint. The batch
//     is halved until the rejected line is found. That line is dropped and counted
//     ([Stats.Refused]); the others are written.
//   - All others: the database is away, the table does not exist, a privilege is missing, the disk
//     is full. The connection is closed, and the batch comes again later.
//
// Before any line was accepted, a rejected line may mean that the columns do not fit the table.
// Then a plain line is tried and rolled back; if that is rejected, too, nothing is dropped.
//
// # Guarantees
//
//   - A line is acknowledged when its transaction is committed, or when the database has rejected
//     the line alone.
//   - Without [Config.Positions]: at least once. If the answer to a commit is lost, with the
//     connection or in a crash, the transaction is written again. If it had been committed, up to a
//     batch of lines is duplicated.
//   - With Positions: exactly once. The same transaction stores the place of its last line (package
//     queue) in a row of a second table, by compare-and-swap. The next connection reads from it
//     what the database already has.
//   - Values are sent as parameters, and names are quoted, whatever they contain.
//   - No error contains the DSN or its password.
//
// # Limits
//
// The package makes no tables. It does not write to tables of MySQL engines without transactions
// (MyISAM, Aria), because a failed transaction would leave some of its lines, which would be
// written again. It does not truncate values: it sets MySQL's strict mode, without which MySQL
// would truncate them silently. Times are UTC.
//
// One connection, and one statement at a time. [Config.Timeout] bounds connecting and each
// transaction. SQLite exists on the systems that modernc.org/sqlite supports; elsewhere [New]
// returns an error.
//
// # How to debug
//
// Errors are [*Error], and say what failed. The statements are in statements.go.
//
// # References
//
// docs/logs/logsub.md, on databases.
package sqlsink
