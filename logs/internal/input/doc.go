// Package input reads lines from a stream, such as the pipe that a web server logs to, and cuts what it reads into whole lines.
// Package tail, below, follows files through their rotation; package syslog receives messages.
package input
