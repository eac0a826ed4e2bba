package syslogd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spreadd/spreadd/internal/sockdrops"
)

const (
	// MaxMessage is the longest message in bytes.
	MaxMessage = 64 << 10
	// MaxConns is the largest number of connections to a stream socket.
	MaxConns = 1000
	// readBuffer is what the kernel is asked to keep for a datagram socket: 10000 messages
	// of a burst. It may give less.
	readBuffer = 4 << 20
	// lingerTime is for how long what is on its way is waited for at the end.
	lingerTime = 200 * time.Millisecond
)

// Config says where messages come from.
type Config struct {
	// Network is "udp", "tcp", "unixgram" or "unix".
	Network string
	// Address is HOST:PORT, or the path of a socket.
	Address string
	// Raw gives messages as they are, and not only their text.
	Raw bool
	// Mode is that of a socket's file; 0 means 0o666, so that any web server may write.
	Mode os.FileMode
}

// Server is a socket that receives messages.
type Server struct {
	cfg    Config
	packet net.PacketConn
	stream net.Listener
	file   os.FileInfo // of the socket's path

	mu    sync.Mutex // also held while a line is given away: one at a time
	conns map[net.Conn]struct{}
	over  bool
	out   func(line []byte, truncated bool)
	line  []byte

	stats struct{ messages, bytes, truncated, refused, acceptErrors, kernel atomic.Int64 }
}

// Stats are a server's counters. All but Connections only grow.
type Stats struct {
	Messages    int64 // received
	Bytes       int64 // of these, headers included
	Truncated   int64 // of these, cut to MaxMessage
	Connections int   // to a stream socket, now
	Refused     int64 // connections closed at once: there were MaxConns
	// AcceptErrors are connections that the system could not hand over.
	AcceptErrors int64
	// KernelDrops are datagrams for which the kernel's buffer had no room, where the system tells.
	KernelDrops int64
}

// Add adds the counters of a server that had the socket before.
func (s *Stats) Add(o *Stats) {
	s.Messages += o.Messages
	s.Bytes += o.Bytes
	s.Truncated += o.Truncated
	s.Refused += o.Refused
	s.AcceptErrors += o.AcceptErrors
	s.KernelDrops += o.KernelDrops
}

// Stats returns the counters. It may be called at any time.
func (s *Server) Stats() Stats {
	if c, ok := s.packet.(syscall.Conn); ok {
		if n, ok := sockdrops.Count(c); ok { // else it is closed
			s.stats.kernel.Store(n)
		}
	}
	st := Stats{
		Messages: s.stats.messages.Load(), Bytes: s.stats.bytes.Load(), Truncated: s.stats.truncated.Load(),
		Refused: s.stats.refused.Load(), AcceptErrors: s.stats.acceptErrors.Load(), KernelDrops: s.stats.kernel.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Connections = len(s.conns)
	return st
}

// Listen opens a socket.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, conns: make(map[net.Conn]struct{})}
	var lc net.ListenConfig
	var err error
	switch cfg.Network {
	case "udp":
		s.packet, err = lc.ListenPacket(ctx, "udp", cfg.Address)
	case "tcp":
		s.stream, err = lc.Listen(ctx, "tcp", cfg.Address)
	case "unixgram", "unix":
		err = s.listenPath(ctx, &lc)
	default:
		err = fmt.Errorf("network %q: want udp, tcp, unixgram or unix", cfg.Network)
	}
	if err != nil {
		return nil, fmt.Errorf("syslog: listen on %s %s: %w", cfg.Network, cfg.Address, err)
	}
	if c, ok := s.packet.(interface{ SetReadBuffer(bytes int) error }); ok {
		_ = c.SetReadBuffer(readBuffer) // the kernel's default will do
	}
	return s, nil
}

// listenPath binds a socket under another name and renames it, over that of a predecessor.
func (s *Server) listenPath(ctx context.Context, lc *net.ListenConfig) (err error) {
	if info, err := os.Lstat(s.cfg.Address); err == nil && info.Mode()&os.ModeSocket == 0 {
		return errors.New("there is a file of this name that is no socket")
	}
	name := s.cfg.Address + "." + strconv.Itoa(os.Getpid())
	_ = os.Remove(name) // of a process before us that had the same number
	if s.cfg.Network == "unix" {
		s.stream, err = lc.Listen(ctx, "unix", name)
		if l, ok := s.stream.(*net.UnixListener); ok {
			l.SetUnlinkOnClose(false)
		}
	} else {
		s.packet, err = lc.ListenPacket(ctx, "unixgram", name)
	}
	if err != nil {
		return err
	}
	mode := s.cfg.Mode
	if mode == 0 {
		mode = 0o666
	}
	if err = os.Chmod(name, mode); err == nil {
		err = os.Rename(name, s.cfg.Address)
	}
	if err == nil {
		s.file, err = os.Lstat(s.cfg.Address)
	}
	if err != nil {
		_ = os.Remove(name)
		s.close()
	}
	return err
}

// Addr is where the socket is.
func (s *Server) Addr() net.Addr {
	if s.packet != nil {
		return s.packet.LocalAddr()
	}
	return s.stream.Addr()
}

func (s *Server) close() {
	s.Stats() // what the kernel has counted is known until then
	if s.packet != nil {
		_ = s.packet.Close()
	}
	if s.stream != nil {
		_ = s.stream.Close()
	}
	if s.file != nil {
		if info, err := os.Lstat(s.cfg.Address); err == nil && os.SameFile(info, s.file) {
			_ = os.Remove(s.cfg.Address)
		}
	}
}

// Serve calls out with each message as a line, with its newline, which is valid during the call, and
// whether it was cut. Only one call runs at a time. Serve returns when ctx has ended and what was on its way has
// come, or with the error of the socket.
func (s *Server) Serve(ctx context.Context, out func(line []byte, truncated bool)) error {
	s.out = out
	defer s.close()
	stop := context.AfterFunc(ctx, s.linger)
	defer stop()
	var err error
	if s.packet != nil {
		err = s.servePackets()
	} else {
		err = s.serveStreams()
	}
	if ctx.Err() != nil || err == nil {
		return nil
	}
	return fmt.Errorf("syslog: %s %s: %w", s.cfg.Network, s.cfg.Address, err)
}

// linger ends reading soon.
func (s *Server) linger() {
	end := time.Now().Add(lingerTime)
	if s.packet != nil {
		_ = s.packet.SetReadDeadline(end)
		return
	}
	_ = s.stream.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for c := range s.conns {
		_ = c.SetReadDeadline(end)
	}
}

func (s *Server) servePackets() error {
	buf := make([]byte, MaxMessage+1)
	for {
		n, _, err := s.packet.ReadFrom(buf)
		if err != nil {
			return err
		}
		s.give(buf[:min(n, MaxMessage)], n > MaxMessage)
	}
}

func (s *Server) serveStreams() error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		c, err := s.stream.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			// Too many open files, say: it may pass.
			s.stats.acceptErrors.Add(1)
			time.Sleep(10 * time.Millisecond)
			continue
		}
		s.mu.Lock()
		full := s.over || len(s.conns) >= MaxConns
		if !full {
			s.conns[c] = struct{}{}
		}
		s.mu.Unlock()
		if full {
			s.stats.refused.Add(1)
			_ = c.Close()
			continue
		}
		wg.Go(func() { s.serveConn(c) })
	}
}

// serveConn reads a connection to its end. Its errors are the sender's.
func (s *Server) serveConn(c net.Conn) {
	f := newFramer(c, MaxMessage)
	for {
		m, cut, err := f.next()
		if err != nil {
			break
		}
		s.give(m, cut)
	}
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

func (s *Server) give(message []byte, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.messages.Add(1)
	s.stats.bytes.Add(int64(len(message)))
	if cut {
		s.stats.truncated.Add(1)
	}
	text := message
	if !s.cfg.Raw {
		text = Parse(message).Text
	}
	s.line = AppendLine(s.line[:0], text)
	s.out(s.line, cut)
}
