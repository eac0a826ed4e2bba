package sqlsink

import (
	"database/sql"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

func postgresDialect() *dialect {
	return &dialect{
		quote: `"`, numbered: true, texts: true, layout: "2006-01-02 15:04:05.999999+00", upsert: "ON CONFLICT DO NOTHING",
		open: func(dsn string, timeout time.Duration) (*sql.DB, error) {
			cfg, err := pgx.ParseConfig(dsn)
			if err != nil {
				return nil, err
			}
			cfg.ConnectTimeout = timeout
			cfg.RuntimeParams["client_encoding"] = "UTF8"
			return stdlib.OpenDB(*cfg), nil
		},
		secret: func(dsn string) (bool, error) {
			if postgresSecret(dsn) {
				return true, nil
			}
			_, err := pgx.ParseConfig(dsn)
			return false, err
		},
		refused: func(err error) bool {
			e, ok := errors.AsType[*pgconn.PgError](err)
			// Class 54, program limit exceeded, means that a value does not fit into an index.
			return ok && (ofData(e.Code) || strings.HasPrefix(e.Code, "54"))
		},
	}
}

// postgresSecret looks for a password in both forms of a DSN. pgx itself would add the one of the
// environment.
func postgresSecret(dsn string) bool {
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		u, err := url.Parse(dsn)
		if err != nil {
			return false
		}
		_, ok := u.User.Password()
		return ok || u.Query().Has("password") || u.Query().Has("sslpassword")
	}
	return regexp.MustCompile(`(^|\s)(ssl)?password\s*=`).MatchString(dsn)
}
