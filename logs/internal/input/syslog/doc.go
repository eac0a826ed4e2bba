// Package syslog receives syslog messages, as web servers and proxies send them: over UDP, UNIX datagram
// sockets, TCP and UNIX stream sockets, in the forms of RFC 3164 and RFC 5424.
//
// # What it takes
//
// A datagram is a message, with or without a newline or NUL at its end. In a stream, a message that begins with a length and a
// priority is framed by octet counting (RFC 6587 §3.4.1), with or without a space or leading zeros; any other by a newline or NUL
// (§3.4.2). [Parse] finds the text behind the header, with and without a host name (nginx with nohostname, HAProxy, /dev/log). A
// message without a priority is text as a whole, such as the JSON of Caddy.
//
// # Wrong framing
//
// A length is wrong if no message can begin where it says that its message ends. Then the message ends in front of the next length
// with a priority or, if the length was too small, at the next newline. If digits end the message, the next length is the
// shortest of the last digits that fits its own message. What was not received by then cannot help: the message
// stays as long as its length says, and bytes that belong to none are dropped up to the next message. A length of more than 256 KiB
// is ignored. All that is counted by reason, with the dropped bytes ([Faults]).
//
// # What it guarantees
//
// No input causes a panic or takes more memory than four times MaxMessage per connection. Text is one line: newlines and NULs in it
// become spaces. A socket is bound under another name and renamed to its path, so that a successor takes the path over
// without a gap. Only its owner removes it.
//
// # What it does not
//
// Datagrams that the kernel drops because the socket's buffer is full are lost. Where the kernel reports them, they are counted
// ([Stats]). Times, hosts, tags and structured data are skipped without a check. There is no TLS and no RELP.
//
// # Limits
//
// 64 KiB per message; longer ones are cut and counted. 1000 connections; further ones are closed at once.
//
// References: RFC 3164, RFC 5424, RFC 6587; docs/spec/mod_log_spread.md §2.2, §2.3, §2.5.
package syslog
