// Package tlstest makes certificates for tests.
package tlstest
