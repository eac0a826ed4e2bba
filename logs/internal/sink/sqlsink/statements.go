package sqlsink

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// dialect is how databases differ.
type dialect struct {
	quote    string // around names, doubled in them
	numbered bool   // parameters are $1, $2, ...; otherwise ?
	texts    bool   // all values are sent as text, which the server converts
	layout   string // of times
	upsert   string // end of an INSERT of a position that may exist

	open    func(dsn string, timeout time.Duration) (*sql.DB, error)
	secret  func(dsn string) (bool, error) // whether a DSN has a password
	refused func(err error) bool           // whether the data is the reason
	// engine selects the engine of a table if that has no transactions, by schema (NULL for the
	// current one) and name. Empty means that all engines have transactions.
	engine string
}

// dialectOf returns the dialect of a driver.
func dialectOf(driver string) (*dialect, error) {
	switch driver {
	case MySQL:
		return mysqlDialect(), nil
	case Postgres:
		return postgresDialect(), nil
	case SQLite:
		return sqliteDialect()
	case "":
		return nil, fmt.Errorf("no driver is named: there are %s, %s and %s", MySQL, Postgres, SQLite)
	default:
		return nil, fmt.Errorf("there is no driver %q, but %s (and MariaDB), %s and %s", driver, MySQL, Postgres, SQLite)
	}
}

// maxColumns keeps the parameters of a statement below 32766, the limit of SQLite and the lowest of
// all.
const maxColumns = 32766 / largestChunk

// checkName checks a name.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("a name is empty")
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("the name %q has a zero byte in it", name)
	}
	return nil
}

// quoteName quotes one name.
func (d *dialect) quoteName(name string) string {
	return d.quote + strings.ReplaceAll(name, d.quote, d.quote+d.quote) + d.quote
}

// quoteTable quotes the name of a table, which may be qualified.
func (d *dialect) quoteTable(table string) (string, error) {
	if table == "" {
		return "", errors.New("no table is named")
	}
	var parts []string
	for p := range strings.SplitSeq(table, ".") {
		if err := checkName(p); err != nil {
			return "", fmt.Errorf("%q: %w", table, err)
		}
		parts = append(parts, d.quoteName(p))
	}
	if len(parts) > 3 {
		return "", fmt.Errorf("%q: it has %d parts, and may have a database, a schema and a table", table, len(parts))
	}
	return strings.Join(parts, "."), nil
}

// checkEngine returns an error if a table cannot roll back.
func (d *dialect) checkEngine(ctx context.Context, db *sql.DB, table string) error {
	if d.engine == "" {
		return nil
	}
	var schema any
	name := table
	if i := strings.LastIndexByte(table, '.'); i >= 0 {
		schema, name = table[:i], table[i+1:]
	}
	var engine string
	switch err := db.QueryRowContext(ctx, d.engine, schema, name).Scan(&engine); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	default:
		return fmt.Errorf("the engine %s has no transactions, so that lines would come twice: ALTER TABLE %s ENGINE=InnoDB", engine, table)
	}
}

// param returns the parameter number n, counted from 1.
func (d *dialect) param(n int) string {
	if d.numbered {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

// Rows of the prepared statements. A batch uses as many of the first as possible, then of the
// second, then of the third.
const (
	largestChunk = 64
	middleChunk  = 8
)

func chunks() [3]int { return [3]int{largestChunk, middleChunk, 1} }

// insert returns the statement for some rows.
func (d *dialect) insert(table string, columns []Column, rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " (")
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(d.quoteName(c.Name))
	}
	b.WriteString(") VALUES ")
	n := 0
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		b.WriteByte('(')
		for i := range columns {
			if i > 0 {
				b.WriteString(", ")
			}
			n++
			b.WriteString(d.param(n))
		}
		b.WriteByte(')')
	}
	return b.String()
}

// positionTexts returns the statements for the row of a sink in the table of positions: to make,
// read and move it.
func (d *dialect) positionTexts(table string) (create, read, move string) {
	sink, epoch, line := d.quoteName("sink"), d.quoteName("epoch"), d.quoteName("line")
	create = fmt.Sprintf("INSERT INTO %s (%s, %s, %s) VALUES (%s, 0, 0) %s", table, sink, epoch, line, d.param(1), d.upsert)
	read = fmt.Sprintf("SELECT %s, %s FROM %s WHERE %s = %s", epoch, line, table, sink, d.param(1))
	move = fmt.Sprintf("UPDATE %s SET %s = %s, %s = %s WHERE %s = %s AND %s = %s AND %s = %s", table,
		epoch, d.param(1), line, d.param(2), sink, d.param(3), epoch, d.param(4), line, d.param(5))
	return create, read, move
}
