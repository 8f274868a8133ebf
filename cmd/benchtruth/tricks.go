//go:build linux

package main

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/benchctl/benchctl/servers/engine/fasthttp"
)

// trick is a server that does one thing which a measurement may not see. What
// it is not told to do otherwise it does as the engine fasthttp does.
type trick struct {
	name, doc string
	differs   string // what a load sees that looks long enough
	app       string // that is loaded; "": hello
	void      bool   // its row must be invalid
	putsOff   bool   // work is left when the load ends, and is waited for
	part      bool   // of another trick: not one by itself

	// At most one of them is set. State is kept by the process: they are called
	// once. stop ends it gracefully.
	handle func(next fasthttp.Handler, stop func()) fasthttp.Handler
	accept func(net.Listener) net.Listener
	play   func(ln *net.TCPListener) process // in processes of its own
}

func (t trick) load() string {
	if t.app == "" {
		return "hello"
	}
	return t.app
}

const ms, us = time.Millisecond, time.Microsecond

// tricks is all of them. The first has none: others are measured beside it, and held
// against it.
func tricks() []trick {
	return []trick{
		{name: "plain", doc: "no trick", differs: "nothing"},
		{name: "slow-500", doc: "one request in 500 takes 400 ms", differs: "p99.9, max", handle: slow(500)},
		{name: "slow-20000", doc: "one request in 20,000 takes 400 ms", differs: "max", handle: slow(20_000)},
		{name: "stall-50", doc: "stands still for 50 ms every 2 s", differs: "max", handle: stall(50*ms, 2*time.Second)},
		{name: "stall-300", doc: "stands still for 300 ms every 2 s", differs: "req/s, max", handle: stall(300*ms, 2*time.Second)},
		{name: "stall-2000", doc: "stands still for 2 s every 10 s", differs: "req/s, max", handle: stall(2*time.Second, 10*time.Second)},
		{name: "pauses-grow", doc: "works for 10 ms more after every 50,000 requests, up to 300 ms, while all wait", differs: "req/s, CPU, max", handle: pausesGrow},
		{name: "recycle", doc: "replaces its process after every 5,000 requests", differs: "req/s, max", play: recycle},
		{name: "recycle-worker", part: true, handle: recycleWorker},
		{name: "pool-fills", doc: "30 µs more CPU per request from 3 s of load on, until 1 s without load", differs: "req/s, CPU", handle: poolFills},
		{name: "idle-work", doc: "20 µs of CPU per request, put off until no request came for 2 ms", differs: "CPU", putsOff: true, handle: idleWork},
		{name: "starved", doc: "one connection in 10 waits 3 s for each reply", differs: "max", handle: starved},
		{name: "memory-grows", doc: "keeps 1 KiB for each request, up to 4 GiB", differs: "CPU", handle: memoryGrows},
		{name: "double-fork", doc: "a grandchild answers whose parent has ended", differs: "nothing, if its CPU is seen", play: doubleFork},
		{name: "double-fork-child", part: true, play: doubleForkChild},
		{name: "unwaited-sleep", doc: "the app sleep answers at once", differs: "replies are wrong", app: "sleep?ms=10", void: true, handle: unwaitedSleep},
		{name: "wrong-10000", doc: "one reply in 10,000 has another body of the same length", differs: "replies are wrong", void: true, handle: wrong(10_000)},
		{name: "first-fast", doc: "20 µs more CPU per request from a connection's 1,001st on", differs: "req/s, CPU", handle: costly(func(n uint64) bool { return n > 1000 })},
		{name: "first-slow", doc: "20 µs more CPU per request up to a connection's 1,000th", differs: "req/s, CPU", handle: costly(func(n uint64) bool { return n <= 1000 })},
		{name: "spins-idle", doc: "another thread burns a processor whenever no request came for 1 ms", differs: "what is beside it", handle: spinsIdle},
		{name: "digest-by-length", doc: "the app upload answers what an earlier body of the same length had", differs: "replies are wrong", app: "upload", void: true, handle: digestByLength},
		{name: "accept-limited", doc: "serves 8 connections at a time, others wait for one to end", differs: "most connections get no reply", accept: acceptLimited},
	}
}

// each makes a trick of what is done before a request is answered, which is told
// its number.
func each(before func(ctx *fasthttp.Ctx, n uint64)) func(fasthttp.Handler, func()) fasthttp.Handler {
	return func(next fasthttp.Handler, _ func()) fasthttp.Handler {
		var count atomic.Uint64
		return func(ctx *fasthttp.Ctx) {
			before(ctx, count.Add(1))
			next(ctx)
		}
	}
}

func slow(one uint64) func(fasthttp.Handler, func()) fasthttp.Handler {
	return each(func(_ *fasthttp.Ctx, n uint64) {
		if n%one == 0 {
			time.Sleep(400 * ms)
		}
	})
}

// stall holds back every request that comes in the last part of a period.
func stall(length, period time.Duration) func(fasthttp.Handler, func()) fasthttp.Handler {
	start := time.Now()
	return each(func(*fasthttp.Ctx, uint64) {
		if left := period - time.Since(start)%period; left < length {
			time.Sleep(left)
		}
	})
}

// pausesGrow works as a garbage collector does that has more to look at each time.
func pausesGrow(next fasthttp.Handler, _ func()) fasthttp.Handler {
	var world sync.Mutex
	var n int
	var pause time.Duration
	return func(ctx *fasthttp.Ctx) {
		world.Lock()
		if n++; n%50_000 == 0 {
			pause = min(pause+10*ms, 300*ms)
			burn(pause)
		}
		world.Unlock()
		next(ctx)
	}
}

// recycleWorker says on every connection that it is the last reply, once it has had
// its share, and ends when all have been told.
func recycleWorker(next fasthttp.Handler, stop func()) fasthttp.Handler {
	return each(func(ctx *fasthttp.Ctx, n uint64) {
		if n == 5000 {
			time.AfterFunc(50*ms, stop)
		}
		if n >= 5000 {
			ctx.SetConnectionClose()
		}
	})(next, stop)
}

func poolFills(next fasthttp.Handler, stop func()) fasthttp.Handler {
	var busySince, last atomic.Int64
	start := time.Now()
	return each(func(*fasthttp.Ctx, uint64) {
		now := int64(time.Since(start))
		if now-last.Swap(now) > int64(time.Second) {
			busySince.Store(now)
		}
		if now-busySince.Load() > int64(3*time.Second) {
			burn(30 * us)
		}
	})(next, stop)
}

func idleWork(next fasthttp.Handler, stop func()) fasthttp.Handler {
	var debt atomic.Int64
	quiet := background(func(quiet time.Duration) bool {
		if quiet < 2*ms || debt.Load() == 0 {
			return false
		}
		debt.Add(-1)
		burn(20 * us)
		return true
	})
	return each(func(*fasthttp.Ctx, uint64) { quiet(); debt.Add(1) })(next, stop)
}

func spinsIdle(next fasthttp.Handler, stop func()) fasthttp.Handler {
	quiet := background(func(quiet time.Duration) bool {
		if quiet < ms {
			return false
		}
		burn(100 * us)
		return true
	})
	return each(func(*fasthttp.Ctx, uint64) { quiet() })(next, stop)
}

func starved(next fasthttp.Handler, stop func()) fasthttp.Handler {
	return each(func(ctx *fasthttp.Ctx, _ uint64) {
		if ctx.ConnID()%10 == 0 {
			time.Sleep(3 * time.Second)
		}
	})(next, stop)
}

// memoryGrows keeps what it takes in large blocks, which the garbage collector
// does not look into.
func memoryGrows(next fasthttp.Handler, stop func()) fasthttp.Handler {
	const one, block, most = 1 << 10, 1 << 20, 4 << 30
	var mu sync.Mutex
	var kept [][]byte
	var free []byte // the rest of the last
	return each(func(_ *fasthttp.Ctx, n uint64) {
		if n > most/one {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if len(free) == 0 {
			free = make([]byte, block)
			kept = append(kept, free)
		}
		for i := range free[:one] {
			free[i] = 1
		}
		free = free[one:]
	})(next, stop)
}

func unwaitedSleep(next fasthttp.Handler, stop func()) fasthttp.Handler {
	return each(func(ctx *fasthttp.Ctx, _ uint64) { ctx.URI().SetQueryString("ms=0") })(next, stop)
}

func wrong(one uint64) func(fasthttp.Handler, func()) fasthttp.Handler {
	return func(next fasthttp.Handler, _ func()) fasthttp.Handler {
		var count atomic.Uint64
		return func(ctx *fasthttp.Ctx) {
			next(ctx)
			if count.Add(1)%one == 0 {
				ctx.Response.SetBodyRaw([]byte("Hello, World?"))
			}
		}
	}
}

// costly has requests cost more by their number on their connection, from 1.
func costly(when func(n uint64) bool) func(fasthttp.Handler, func()) fasthttp.Handler {
	return each(func(ctx *fasthttp.Ctx, _ uint64) {
		if when(ctx.ConnRequestNum()) {
			burn(20 * us)
		}
	})
}

func digestByLength(next fasthttp.Handler, _ func()) fasthttp.Handler {
	var learned sync.Map // length of a body -> reply
	return func(ctx *fasthttp.Ctx) {
		length := ctx.Request.Header.ContentLength()
		if known, ok := learned.Load(length); ok && ctx.IsPost() && ctx.Request.IsBodyStream() {
			if n, err := io.Copy(io.Discard, ctx.RequestBodyStream()); err != nil || n != int64(length) {
				ctx.Error("cut short\n", 400)
				ctx.SetConnectionClose()
				return
			}
			ctx.SetContentType(contentType)
			ctx.SetBody(known.([]byte))
			return
		}
		next(ctx)
		if length > 0 && ctx.Response.StatusCode() == 200 {
			learned.Store(length, bytes.Clone(ctx.Response.Body()))
		}
	}
}

// acceptLimited accepts as many connections as it has room for.
func acceptLimited(ln net.Listener) net.Listener {
	return &limited{Listener: ln, room: make(chan struct{}, 8)}
}
