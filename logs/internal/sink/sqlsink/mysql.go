package sqlsink

import (
	"database/sql"
	"errors"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Errors of MySQL and MariaDB that the data is the reason of, and whose SQLSTATE does not say so.
const (
	mysqlTooLargePacket  = 1153
	mysqlTruncated       = 1265
	mysqlInvalidString   = 1300
	mysqlIncorrectValue  = 1366
	mysqlRowTooLarge     = 1118
	mysqlNoPartition     = 1526
	mysqlSignal          = 1644 // a trigger's own
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
			cfg.Logger = &mysql.NopLogger{} // what it says is in our errors
			if cfg.Params == nil {
				cfg.Params = make(map[string]string)
			}
			cfg.Params["time_zone"] = "'+00:00'"
			// Without it a value that is too long is cut, without a word.
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

// ofData reports whether a SQLSTATE is of a class that is about the data: 22, data exception, and
// 23, integrity constraint violation.
func ofData(state string) bool {
	return len(state) == 5 && (state[:2] == "22" || state[:2] == "23")
}
