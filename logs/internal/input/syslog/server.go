package syslog

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// MaxMessage is the longest message in bytes.
	MaxMessage = 64 << 10
	// MaxConns is the largest number of connections to a stream socket.
	MaxConns = 1000
	// readBuffer is the size of a datagram socket's buffer that the kernel is asked for: a burst of 10000 messages. It may
	// grant less.
	readBuffer = 4 << 20
	// longestPause between two checks of a datagram socket is too short for anyone to notice.
	longestPause = 5 * time.Millisecond
	// streamPause is the pause between two reads of a connection, whose buffer holds what arrives meanwhile.
	streamPause = time.Millisecond
	// datagramCost is the share of a socket's buffer that a log line takes, with the kernel's overhead.
	datagramCost = 1280
	// datagramRate is what fits in during a pause, of which there may be four in a row: that many in a second.
	datagramRate = 100_000
	// reportInterval is the shortest time between two reports of wrong framing.
	reportInterval = 10 * time.Second
	// lingerTime is how long the end waits for messages that are on their way.
	lingerTime = 200 * time.Millisecond
)

// Config says where messages come from.
type Config struct {
	// Network is "udp", "tcp", "unixgram" or "unix".
	Network string
	// Address is HOST:PORT, or the path of a socket.
	Address string
	// Raw passes whole messages on rather than only their text.
	Raw bool
	// Report, if not nil, is called from a goroutine for each connection when one frames messages
	// wrongly: once for a connection, and not more often than every [reportInterval].
	Report func(peer string, what *Faults)
	// Mode is the mode of the socket's file. 0 means 0o666, so that any web server may write.
	Mode os.FileMode
}

// Server is a socket that receives messages.
type Server struct {
	cfg    Config
	packet *packetSocket
	stream net.Listener
	file   os.FileInfo // of the socket's path

	mu    sync.Mutex // also held while lines are given away
	conns map[net.Conn]struct{}
	over  bool
	out   func(lines []byte, n, cut int)

	faults   Faults
	reported time.Time // the last fault

	stats struct{ messages, bytes, truncated, refused, acceptErrors, kernel atomic.Int64 }
}

// Stats are a server's counters. All but Connections only grow.
type Stats struct {
	Messages    int64 // received
	Bytes       int64 // of these, headers included
	Truncated   int64 // of these, cut to MaxMessage
	Connections int   // to a stream socket, now
	Refused     int64 // connections closed at once: there were MaxConns
	// AcceptErrors are connections that the system could not accept.
	AcceptErrors int64
	// KernelDrops are datagrams for which the kernel's buffer had no room, where the system reports them.
	KernelDrops int64
	// Faults are those of streams.
	Faults Faults
}

// Add adds the counters of an earlier server of the same socket.
func (s *Stats) Add(o *Stats) {
	s.Messages += o.Messages
	s.Bytes += o.Bytes
	s.Truncated += o.Truncated
	s.Refused += o.Refused
	s.AcceptErrors += o.AcceptErrors
	s.KernelDrops += o.KernelDrops
	s.Faults.Add(&o.Faults)
}

// Stats returns the counters. It may be called at any time.
func (s *Server) Stats() Stats {
	if s.packet != nil {
		if n, ok := s.packet.drops(); ok { // otherwise it is closed
			s.stats.kernel.Store(n)
		}
	}
	st := Stats{
		Messages: s.stats.messages.Load(), Bytes: s.stats.bytes.Load(), Truncated: s.stats.truncated.Load(),
		Refused: s.stats.refused.Load(), AcceptErrors: s.stats.acceptErrors.Load(), KernelDrops: s.stats.kernel.Load(),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Connections, st.Faults = len(s.conns), s.faults
	return st
}

// Listen opens a socket.
func Listen(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{cfg: cfg, conns: make(map[net.Conn]struct{})}
	var lc net.ListenConfig
	var packet net.PacketConn
	var err error
	switch cfg.Network {
	case "udp":
		packet, err = lc.ListenPacket(ctx, "udp", cfg.Address)
	case "tcp":
		s.stream, err = lc.Listen(ctx, "tcp", cfg.Address)
	case "unixgram", "unix":
		packet, err = s.listenPath(ctx, &lc)
	default:
		err = fmt.Errorf("unknown network %q (want udp, tcp, unixgram or unix)", cfg.Network)
	}
	if err == nil && packet != nil {
		growBuffer(packet)
		s.packet, err = newPacketSocket(packet)
	}
	if err != nil {
		s.close()
		return nil, fmt.Errorf("syslog: cannot listen on %s %s: %w", cfg.Network, cfg.Address, err)
	}
	return s, nil
}

// listenPath binds a socket under another name and renames it, over that of a predecessor.
func (s *Server) listenPath(ctx context.Context, lc *net.ListenConfig) (packet net.PacketConn, err error) {
	if info, err := os.Lstat(s.cfg.Address); err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, errors.New("a file with this name exists and is not a socket; remove it or choose another name")
	}
	name := s.cfg.Address + "." + strconv.Itoa(os.Getpid())
	_ = os.Remove(name) // of a process before us that had the same number
	if s.cfg.Network == "unix" {
		s.stream, err = lc.Listen(ctx, "unix", name)
		if l, ok := s.stream.(*net.UnixListener); ok {
			l.SetUnlinkOnClose(false)
		}
	} else {
		packet, err = lc.ListenPacket(ctx, "unixgram", name)
	}
	if err != nil {
		return nil, err
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
		if packet != nil {
			_ = packet.Close()
		}
		return nil, err
	}
	return packet, nil
}

// Addr returns the socket's address.
func (s *Server) Addr() net.Addr {
	if s.packet != nil {
		return s.packet.addr
	}
	return s.stream.Addr()
}

func (s *Server) close() {
	s.Stats() // what the kernel has counted is known until then
	if s.packet != nil {
		_ = s.packet.close()
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

// Serve passes messages to the callback as lines, each with its newline, as many at a time as are available. They are valid during
// the call. n is their number, cut the number of those that were too long. Only one call runs at a time. Serve returns when ctx has
// ended and what was on its way has arrived, or with the error of the socket.
func (s *Server) Serve(ctx context.Context, out func(lines []byte, n, cut int)) error {
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

// linger makes reading end soon.
func (s *Server) linger() {
	end := time.Now().Add(lingerTime)
	if s.packet != nil {
		s.packet.over(end)
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
	rest := s.packet.pause(s.cfg.Network)
	b := batch{s: s}
	for {
		n, err := s.packet.read(buf)
		if err != nil {
			return err
		}
		for ok := true; ok; n, ok = s.packet.readNow(buf) {
			b.add(buf[:min(n, MaxMessage)], n > MaxMessage)
		}
		b.flush()
		if rest > 0 {
			time.Sleep(rest)
		}
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
			// For instance, too many open files. It may be temporary.
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
	b := batch{s: s}
	f := newFramer(&pacedReader{c: c, before: b.flush}, MaxMessage)
	reported := false
	for {
		m, cut, err := f.next()
		if f.faults != (Faults{}) {
			reported = s.countFaults(c, &f.faults, reported)
			f.faults = Faults{}
		}
		if err != nil {
			break
		}
		b.add(m, cut)
	}
	b.flush()
	_ = c.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// countFaults counts faults of a connection, and reports the first of them unless others have just been
// reported. It returns whether the connection was reported.
func (s *Server) countFaults(c net.Conn, f *Faults, reported bool) bool {
	now := time.Now()
	s.mu.Lock()
	s.faults.Add(f)
	due := !reported && s.cfg.Report != nil && (s.reported.IsZero() || now.Sub(s.reported) >= reportInterval)
	if due {
		s.reported = now
	}
	s.mu.Unlock()
	if due {
		s.cfg.Report(c.RemoteAddr().String(), f)
	}
	return reported || due
}

// pacedReader passes on what it has before it waits for more, and pauses so that more can arrive at once.
type pacedReader struct {
	c      net.Conn
	before func()
	began  bool
}

func (r *pacedReader) Read(b []byte) (int, error) {
	r.before()
	if r.began {
		time.Sleep(streamPause)
	}
	r.began = true
	return r.c.Read(b)
}

// pauseFor returns how long a datagram socket that holds so many messages is left alone once it was emptied. A reader that waits is
// woken by each message, at the cost of the sender and of as much CPU time as a web server's answer takes. One that checks now and
// then finds many. The messages of four pauses must fit into the socket.
func pauseFor(capacity int) time.Duration {
	return min(longestPause, time.Duration(capacity)*(time.Second/datagramRate)/4)
}

// batch collects the messages that are available at a time.
type batch struct {
	s      *Server
	lines  []byte
	n, cut int
	bytes  int // of messages, headers included
}

// add adds a message.
func (b *batch) add(message []byte, cut bool) {
	text := message
	if !b.s.cfg.Raw {
		text = Parse(message).Text
	}
	b.lines = AppendLine(b.lines, text)
	b.bytes += len(message)
	b.n++
	if cut {
		b.cut++
	}
	if len(b.lines) >= MaxMessage {
		b.flush()
	}
}

// flush passes on what was collected.
func (b *batch) flush() {
	if b.n == 0 {
		return
	}
	b.s.stats.messages.Add(int64(b.n))
	b.s.stats.bytes.Add(int64(b.bytes))
	b.s.stats.truncated.Add(int64(b.cut))
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	b.s.out(b.lines, b.n, b.cut)
	b.lines, b.n, b.cut, b.bytes = b.lines[:0], 0, 0, 0
}
