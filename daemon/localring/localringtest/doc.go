// Package localringtest runs rings of package localring for the time of a test. Errors of daemons
// fail the test, and their logs go to the test's log.
package localringtest
