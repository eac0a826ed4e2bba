package sqlsink

import (
	"database/sql"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Data errors of MySQL and MariaDB whose SQLSTATE does not say so.
const (
	mysqlTooLargePacket  = 1153
	mysqlTruncated       = 1265
	mysqlInvalidString   = 1300
	mysqlIncorrectValue  = 1366
	mysqlRowTooLarge     = 1118
	mysqlNoPartition     = 1526
	mysqlSignal          = 1644 // raised by a trigger
	mysqlInvalidJSON     = 3140
	mysqlCheckConstraint = 3819
)

func mysqlDialect() *dialect {
	return &dialect{
		quote: "`", layout: "2006-01-02 15:04:05.999999", upsert: "ON DUPLICATE KEY UPDATE `sink` = `sink`",
		engine: "SELECT t.ENGINE FROM information_schema.TABLES t JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE " +
			"WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ? AND e.TRANSACTIONS = 'NO'",
		open: func(dsn string, timeout time.Duration) (*sql.DB, error) {
			cfg, err := mysql.ParseDSN(dsn)
			if err != nil {
				return nil, err
			}
			cfg.Timeout = timeout
			cfg.Logger = &mysql.NopLogger{} // our errors contain its messages
			if cfg.Params == nil {
				cfg.Params = make(map[string]string)
			}
			cfg.Params["time_zone"] = "'+00:00'"
			// Without strict mode a value that is too long would be truncated silently.
			cfg.Params["sql_mode"] = "CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"
			c, err := mysql.NewConnector(cfg)
			if err != nil {
				return nil, err
			}
			return sql.OpenDB(c), nil
		},
		secret: func(dsn string) (bool, error) {
			cfg, err := mysql.ParseDSN(dsn)
			if err != nil {
				return false, err
			}
			return cfg.Passwd != "", nil
		},
		refused: func(err error) bool {
			if errors.Is(err, mysql.ErrPktTooLarge) {
				return true
			}
			e, ok := errors.AsType[*mysql.MySQLError](err)
			if !ok {
				return false
			}
			switch e.Number {
			case mysqlTooLargePacket, mysqlTruncated, mysqlInvalidString, mysqlIncorrectValue, mysqlRowTooLarge, mysqlNoPartition,
				mysqlSignal, mysqlInvalidJSON, mysqlCheckConstraint:
				return true
			}
			return ofData(string(e.SQLState[:]))
		},
	}
}

// ofData reports whether a SQLSTATE is a data error: class 22, data exception, or class 23,
// integrity constraint violation.
func ofData(state string) bool {
	return len(state) == 5 && (state[:2] == "22" || state[:2] == "23")
}
