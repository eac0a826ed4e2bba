package prom

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"time"
)

// checkTimeout is how long a program may take to say whether it is alive, ready, or how it is.
const checkTimeout = 2 * time.Second

// check answers with 200 and "ok", or with 503 and the error. A check that does not return in time
// fails; it goes on in the background, and further requests fail at once until it has returned.
func check(f func(context.Context) error) http.HandlerFunc {
	running := make(chan struct{}, maxScrapes)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if _, err := within(r.Context(), running, func(ctx context.Context) (struct{}, error) { return struct{}{}, f(ctx) }); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, err) // the client may have gone
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	}
}

// within calls f, but does not wait for it for longer than checkTimeout.
func within[T any](ctx context.Context, running chan struct{}, f func(context.Context) (T, error)) (T, error) {
	ctx, stop := context.WithTimeout(ctx, checkTimeout)
	type result struct {
		value T
		err   error
	}
	var none T
	done := make(chan result, 1)
	select {
	case running <- struct{}{}:
	default:
		stop()
		return none, fmt.Errorf("does not answer: %d requests before this one are unanswered", cap(running))
	}
	go func() {
		defer func() { <-running }()
		defer stop()
		v, err := f(ctx)
		done <- result{v, err}
	}()
	late := fmt.Errorf("does not answer within %v", checkTimeout)
	<-ctx.Done() // when f has ended, too
	select {
	case r := <-done:
		if errors.Is(r.err, context.DeadlineExceeded) {
			return none, late
		}
		return r.value, r.err
	default:
		return none, late
	}
}

// JSON returns a handler that answers with what f returns, as JSON, or with 503 and the error. f is
// not waited for longer than two seconds.
func JSON(f func(*http.Request) (any, error)) http.Handler {
	running := make(chan struct{}, maxOthers)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := within(r.Context(), running, func(ctx context.Context) (any, error) { return f(r.WithContext(ctx)) })
		var b []byte
		if err == nil {
			b, err = json.MarshalIndent(v, "", "  ")
		}
		w.Header().Set("Cache-Control", "no-store")
		if err != nil {
			status := http.StatusServiceUnavailable
			if bad, ok := err.(interface{ StatusCode() int }); ok {
				status = bad.StatusCode()
			}
			http.Error(w, err.Error(), status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(append(b, '\n')) // the client may have gone
	})
}

// BadRequest is an error of [JSON] for a request that is wrong.
type BadRequest string

// Error returns what is wrong.
func (b BadRequest) Error() string { return string(b) }

// StatusCode returns 400.
func (BadRequest) StatusCode() int { return http.StatusBadRequest }

// profiles adds the profiles of the Go runtime.
func profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", longer(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/trace", longer(pprof.Trace))
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
}

// profileTimeout bounds a profile of processor time.
const profileTimeout = 2 * time.Minute

// longer lets a request take longer than others.
func longer(f http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(profileTimeout)) // it ends earlier then
		f(w, r)
	}
}
