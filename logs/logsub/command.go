package logsub

import (
	"context"
	"math"
	"time"

	"github.com/spreadd/spreadd/logs/internal/queue"
	"github.com/spreadd/spreadd/logs/internal/sink"
)

// commandSink is the standard input of a supervised process.
type commandSink struct {
	*sink.File
	batch *queue.Batch // whose lines it has got, and writes
	acked int          // of batch when it got them
	base  int64        // records written before
}

func newCommandSink(cfg *Config, text string) *commandSink {
	return &commandSink{File: sink.NewCommand(text, sink.CommandOptions{
		// One batch is all that it ever has.
		LimitBytes: math.MaxInt, BatchBytes: cfg.BatchBytes, Output: cfg.Output, EndWait: cfg.CommandWait,
	})}
}

// Write implements slowSink. The lines that the process has got whole are acknowledged.
func (c *commandSink) Write(ctx context.Context, b *queue.Batch) error {
	if c.batch != b {
		c.batch, c.acked, c.base = b, b.Acked(), c.File.Stats().Records
		for _, e := range b.Entries() {
			c.Append(e.Line)
		}
	}
	err := c.Idle(ctx)
	done := c.acked + int(c.File.Stats().Records-c.base)
	if done == b.Len() {
		c.batch = nil
	}
	b.Ack(done)
	return err
}

// Idle implements slowSink: a process that has ended is started again.
func (c *commandSink) Idle(context.Context) error {
	if c.Failing() {
		return c.Retry()
	}
	if err := c.Flush(); err != nil {
		return err
	}
	return nil
}

// Close implements slowSink. Lines of the batch that the process has not got stay in the queue, and are
// not lost here.
func (c *commandSink) Close() error {
	c.Discard()
	return c.File.Close()
}

// commandWait is how long sinks other than files may take at the end.
func (c *Config) commandWait() time.Duration {
	if c.CommandWait > 0 {
		return c.CommandWait
	}
	return defaultEndWait
}

// defaultEndWait is what CommandWait is by default.
const defaultEndWait = 5 * time.Second
