// Command spreaddemo shows the whole path of a log line on this machine: it sends the access logs of three web
// sites through a ring of three daemons to two log hosts, kills a daemon on the way, and compares what went in with what came out.
package main
