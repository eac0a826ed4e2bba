// Command spmonitor shows what the daemons of a spread.conf are doing, and for tests cuts
// them off from each other, ends them or changes their windows.
//
//	spmonitor                       of spread.conf here or in /etc
//	spmonitor -c FILE -n web1       of FILE, in the place of daemon web1
//	spmonitor -json -t 60           one JSON object a report, every minute
//	spmonitor -json -rounds 1 -t 2  once; status 1 if a daemon does not answer in 2 s
//
// It takes the place of one of the daemons, whose address has to be this host's, and
// receives reports on port 6543 there (-p). Keys and reports are those of the program of
// that name that comes with Spread: type 0, all and an empty line to see the status
// of all daemons every ten seconds, and 9 to quit. Package spmonitor tells of the rest.
//
// Daemons obey what changes something only with DangerousMonitor = true in their file.
//
// The status is 0; 1 if the configuration cannot be read, the port is taken or,
// with -rounds, a daemon has not answered; 2 for a wrong command line.
package main
