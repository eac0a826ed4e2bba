// Package syslog receives syslog messages, as web servers and proxies send them: over UDP, UNIX datagram
// sockets, TCP and UNIX stream sockets, in the forms of RFC 3164 and RFC 5424.
//
// # What it takes
//
// A datagram is a message, with or without a newline or NUL at its end. A stream is framed by octet
// counting (RFC 6587 §3.4.1) if it begins with a length, a space and '<', and by newlines or NULs
// otherwise (§3.4.2); what it begins with counts for all of it. [Parse] finds the text behind the header, with and without a
// host name (nginx with nohostname, HAProxy, /dev/log). What has no priority is text as a whole,
// such as the JSON of Caddy.
//
// # What it guarantees
//
// No input panics or takes more memory than MaxMessage bytes a connection. Text is one line: newlines and NULs in it become
// spaces. A socket's path is bound under another name and renamed, so that a
// successor takes it over without a moment in which there is none; only its owner removes it.
//
// # What it does not
//
// Datagrams that the kernel drops since the socket's buffer is full are lost; where the kernel tells, they are counted
// ([Stats]). Times, hosts, tags and
// structured data are found and not checked. There is no TLS and no RELP.
//
// # Limits
//
// 64 KiB a message, what is beyond is cut and counted; 1000 connections, further ones are closed at once.
//
// References: RFC 3164, RFC 5424, RFC 6587; docs/spec/mod_log_spread.md §2.2, §2.3, §2.5.
package syslog
