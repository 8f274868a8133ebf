package layers

import (
	"container/list"
	"crypto/sha256"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/benchctl/benchctl/apps"
	"github.com/benchctl/benchctl/apps/stack"
)

// RateLimit answers requests of a key that come too often with 429 and Retry-After (RFC 6585 section 4).
// Each key has a bucket of Burst requests, which fills again by Rate in a second.
//
// The key is the value of the field Key of the request, or else the client's address: that of the peer, or
// behind proxies the one that the layer forwarded tells outside of this one; of IPv6 it is the network of 64 bits, which
// one client has. Requests without a key share one bucket, and so do those on a Unix socket.
//
// It keeps MaxKeys buckets, and forgets that which was used least recently for a new one. A client that can make
// more keys than that has a full bucket again.
type RateLimit struct {
	Rate    float64 `stack:"rate" required:"true" min:"0.0001" max:"1000000000" doc:"requests in a second, for long"`
	Burst   int     `stack:"burst" default:"10" min:"1" max:"1000000000" doc:"requests at once"`
	Key     string  `stack:"key" doc:"field whose values are told apart, as X-Api-Key; the client's address, if it is not set"`
	MaxKeys int     `stack:"max-keys" default:"10000" min:"1" max:"100000000" doc:"how many keys are kept"`
}

// About implements stack.Layer.
func (RateLimit) About() stack.About {
	return stack.About{Name: "rate-limit", Doc: "answers requests of a client or a key that come too often with 429 (RFC 6585 section 4)"}
}

// Check implements stack.Checker.
func (l RateLimit) Check() error {
	if l.Key != "" && !isToken(l.Key) {
		return fmt.Errorf("key: %s is no name of a field (RFC 9110 section 5.1)", strconv.Quote(l.Key))
	}
	return nil
}

// Wrap implements stack.Layer.
func (l RateLimit) Wrap(next apps.App) (apps.App, error) {
	w := &rateLimiting{RateLimit: l, next: next, buckets: map[rateKey]*list.Element{}}
	w.recent.Init()
	return w, nil
}

// rateKey is what requests are told apart by. It does not grow with what a client sends.
type rateKey struct {
	addr netip.Addr
	text [16]byte // of SHA-256
}

// rateLimiting is the app of RateLimit.
type rateLimiting struct {
	RateLimit
	next apps.App

	mu      sync.Mutex
	buckets map[rateKey]*list.Element // of recent
	recent  list.List                 // of *bucket, the one that was used last first
}

type bucket struct {
	key   rateKey
	limit *rate.Limiter
}

// Serve implements apps.App.
func (w *rateLimiting) Serve(req apps.Request, res apps.Response) error {
	if wait := w.take(w.key(req), time.Now()); wait > 0 {
		res.SetHeader("Retry-After", strconv.FormatInt(int64(math.Ceil(wait.Seconds())), 10))
		return stack.Plain(res, 429, "too many requests\n")
	}
	return w.next.Serve(req, res)
}

func (w *rateLimiting) key(req apps.Request) rateKey {
	var k rateKey
	if w.Key != "" {
		var room [128]byte
		sum := sha256.Sum256(append(room[:0], req.Header(w.Key)...))
		copy(k.text[:], sum[:])
		return k
	}
	k.addr = ClientOf(req).Addr
	if k.addr.Is6() {
		if p, err := k.addr.Prefix(64); err == nil {
			k.addr = p.Addr()
		}
	}
	return k
}

// take takes a request from the bucket of a key. It returns how long there will be none, 0 if
// there was one.
func (w *rateLimiting) take(k rateKey, now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.bucket(k)
	if b.limit.AllowN(now, 1) {
		return 0
	}
	missing := 1 - b.limit.TokensAt(now)
	return max(1, time.Duration(math.Ceil(missing/w.Rate*float64(time.Second))))
}

// bucket is the bucket of a key, which is the last one that was used now.
func (w *rateLimiting) bucket(k rateKey) *bucket {
	if e := w.buckets[k]; e != nil {
		w.recent.MoveToFront(e)
		return e.Value.(*bucket)
	}
	if w.recent.Len() >= w.MaxKeys {
		last := w.recent.Back()
		delete(w.buckets, w.recent.Remove(last).(*bucket).key)
	}
	b := &bucket{k, rate.NewLimiter(rate.Limit(w.Rate), w.Burst)}
	w.buckets[k] = w.recent.PushFront(b)
	return b
}
