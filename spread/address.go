package spread

import (
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/spreadd/spreadd/wire"
)

// Address is the address of a daemon.
type Address struct {
	// Network is "unix" or "tcp".
	Network string
	// Port is the daemon's port, which is also part of the UNIX socket's name. It is 0 if Path is
	// set.
	Port uint16
	// Host is the host of a TCP address: a name, or an IP address without brackets.
	Host string
	// Path is the UNIX socket if the address gives one. If it is empty, Port says which socket; see
	// [WithSocketDir].
	Path string
}

// maxHost is the longest host name that DNS can hold.
const maxHost = 255

// ParseAddress parses the address of a daemon (client-protocol §2.3):
//
//	(empty)              port 4803 on this machine
//	4803                 UNIX socket of that port, or TCP to this host; only the latter on Windows
//	4803@host            TCP; host is a name, an IPv4 or an IPv6 address
//
// Beyond libspread it accepts
//
//	host:4803            TCP
//	[::1]:4803           TCP
//	/run/spread/4803     UNIX socket at an absolute path
//
// The error is an [*Error] with [ErrIllegalSpread].
func ParseAddress(s string) (Address, error) {
	a, problem := parseAddress(s, runtime.GOOS)
	if problem != "" {
		return Address{}, errorf("parse address", s, ErrIllegalSpread, "%s; want PORT, PORT@HOST, HOST:PORT or the absolute path of a UNIX socket", problem)
	}
	return a, nil
}

func parseAddress(s, goos string) (a Address, problem string) {
	if s == "" {
		s = strconv.Itoa(wire.DefaultPort)
	}
	if filepath.IsAbs(s) {
		return Address{Network: "unix", Path: s}, ""
	}
	port, host, isTCP := strings.Cut(s, "@")
	switch {
	case isTCP:
		host = unbracket(host)
	case strings.Contains(s, ":"):
		var err error
		if host, port, err = net.SplitHostPort(s); err != nil {
			return Address{}, "neither PORT@HOST nor HOST:PORT"
		}
		isTCP = true
		if _, err := strconv.Atoi(host); err == nil {
			return Address{}, "the host is a number"
		}
	}
	n, ok := parsePort(port)
	if !ok {
		return Address{}, "the port is not a number from 1 to 65535"
	}
	if !isTCP {
		if goos == "windows" {
			return Address{Network: "tcp", Port: n, Host: "localhost"}, ""
		}
		return Address{Network: "unix", Port: n}, ""
	}
	if host == "" {
		return Address{}, "the host is empty"
	}
	if len(host) > maxHost || strings.ContainsAny(host, "@/ \t\r\n\x00") {
		return Address{}, "the host is not a host name or address"
	}
	return Address{Network: "tcp", Port: n, Host: host}, ""
}

// unbracket accepts "[::1]" for "::1", because users of URLs write it.
func unbracket(host string) string {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			return inner
		}
	}
	return host
}

// parsePort accepts digits only. strconv alone would accept "+1".
func parsePort(s string) (uint16, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n != 0
}

// String returns the address in libspread's form; a path stays a path.
func (a Address) String() string {
	switch {
	case a.Path != "":
		return a.Path
	case a.Network == "unix":
		return strconv.Itoa(int(a.Port))
	default:
		return strconv.Itoa(int(a.Port)) + "@" + a.Host
	}
}

// endpoint is where to reach a daemon: arguments for a dialer of package net.
type endpoint struct{ network, address string }

// isFallback reports whether an endpoint stands for the daemon of this host although it is on TCP.
func (a Address) isFallback(e endpoint) bool { return a.Network == "unix" && e.network == "tcp" }

// endpoints returns where to try to reach a daemon, in this order. socketDir is empty for the
// default.
func (a Address) endpoints(socketDir string) []endpoint {
	port := strconv.Itoa(int(a.Port))
	switch {
	case a.Path != "":
		return []endpoint{{a.Network, a.Path}}
	case a.Network == "tcp":
		return []endpoint{{a.Network, net.JoinHostPort(a.Host, port)}}
	case socketDir != "":
		return []endpoint{{a.Network, filepath.Join(socketDir, port)}}
	default:
		return []endpoint{
			{a.Network, filepath.Join(runDir, port+".sock")},
			{a.Network, filepath.Join(tmpDir, port)},
			{"tcp", net.JoinHostPort("127.0.0.1", port)},
		}
	}
}
