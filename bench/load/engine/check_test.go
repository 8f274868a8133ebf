package engine

import (
	"net/http"
	"strings"
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"github.com/benchctl/benchctl/bench/load"
	"github.com/benchctl/benchctl/bench/load/loadtest"
	"github.com/benchctl/benchctl/bench/load/pace"
)

// What can't work is refused before there is a connection.
func TestCheck(t *testing.T) {
	for _, test := range []struct {
		engine, want string // "": taken
		change       func(*load.Config)
	}{
		{load.Raw, "", func(*load.Config) {}},
		{load.Raw, "", func(c *load.Config) { c.Pipeline, c.Requests, c.Pacer = 8, 100, vegeta.Rate{} }},
		{load.Vegeta, "", func(c *load.Config) { c.Close, c.Pipeline, c.Pacer = true, 1, pace.Constant(10) }},
		{"wrk", "no engine", func(*load.Config) {}},
		{load.Raw, "no targets", func(c *load.Config) { c.Targets = nil }},
		{load.Raw, "connections 0: not within", func(c *load.Config) { c.Connections = 0 }},
		{load.Raw, "timeout -1ns: not within", func(c *load.Config) { c.Timeout = -1 }},
		{load.Raw, "requests -1: not within", func(c *load.Config) { c.Requests = -1 }},
		{load.Vegeta, "number of requests per connection", func(c *load.Config) { c.Requests = 2 }},
		{load.Raw, "pipeline -1: not within", func(c *load.Config) { c.Pipeline = -1 }},
		{load.Raw, "pipeline 1001: not within", func(c *load.Config) { c.Pipeline = 1001 }},
		{load.Raw, "not go with a pace", func(c *load.Config) { c.Pipeline, c.Pacer = 2, pace.Constant(10) }},
		{load.Raw, "carry one request each", func(c *load.Config) { c.Pipeline, c.Close = 2, true }},
		{load.Vegeta, "does not offer the time to the first byte", func(c *load.Config) { c.FirstByte = true }},
		{load.Vegeta, "does not offer pipelining", func(c *load.Config) { c.Pipeline = 2 }},
		{load.Raw, "weight", func(c *load.Config) { c.Targets[0].Weight = -1 }},
		{load.Raw, "invalid method", func(c *load.Config) { c.Targets[0].Method = "GE T" }},
		{load.Raw, "the body decides it", func(c *load.Config) { c.Targets[0].Header = http.Header{"Content-Length": {"5"}} }},
		{load.Raw, "no header field", func(c *load.Config) { c.Targets[0].Header = http.Header{"X Y": {"5"}} }},
		{load.Raw, "no header field", func(c *load.Config) { c.Targets[0].Header = http.Header{"X": {"5\r\nY: 6"}} }},
		{load.Raw, "no header field", func(c *load.Config) { c.Targets[0].Header = http.Header{"X:": {"5"}} }},
	} {
		c := loadtest.HelloConfig(&loadtest.Server{Address: "127.0.0.1:1"}, 1)
		test.change(&c)
		err := Check(by(test.engine, c))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.engine, err, test.want)
		}
	}
}
