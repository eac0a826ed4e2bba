// Package webtest serves the state of daemons in tests.
package webtest
