package load

import (
	"net/http"
	"strings"
	"testing"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// What can't work is refused before there is a connection.
func TestCheck(t *testing.T) {
	for _, test := range []struct {
		engine, want string // "": taken
		change       func(*Config)
	}{
		{Raw, "", func(*Config) {}},
		{Raw, "", func(c *Config) { c.Pipeline, c.Requests, c.Pacer = 8, 100, vegeta.Rate{} }},
		{Vegeta, "", func(c *Config) { c.Close, c.Pipeline, c.Pacer = true, 1, Constant(10) }},
		{"wrk", "no engine", func(*Config) {}},
		{Raw, "no targets", func(c *Config) { c.Targets = nil }},
		{Raw, "connections 0: not within", func(c *Config) { c.Connections = 0 }},
		{Raw, "timeout -1ns: not within", func(c *Config) { c.Timeout = -1 }},
		{Raw, "requests -1: not within", func(c *Config) { c.Requests = -1 }},
		{Vegeta, "number of requests per connection", func(c *Config) { c.Requests = 2 }},
		{Raw, "pipeline -1: not within", func(c *Config) { c.Pipeline = -1 }},
		{Raw, "pipeline 1001: not within", func(c *Config) { c.Pipeline = 1001 }},
		{Raw, "not go with a pace", func(c *Config) { c.Pipeline, c.Pacer = 2, Constant(10) }},
		{Raw, "carry one request each", func(c *Config) { c.Pipeline, c.Close = 2, true }},
		{Vegeta, "does not offer pipelining", func(c *Config) { c.Pipeline = 2 }},
		{Raw, "weight", func(c *Config) { c.Targets[0].Weight = -1 }},
		{Raw, "invalid method", func(c *Config) { c.Targets[0].Method = "GE T" }},
		{Raw, "the body decides it", func(c *Config) { c.Targets[0].Header = http.Header{"Content-Length": {"5"}} }},
		{Raw, "no header field", func(c *Config) { c.Targets[0].Header = http.Header{"X Y": {"5"}} }},
		{Raw, "no header field", func(c *Config) { c.Targets[0].Header = http.Header{"X": {"5\r\nY: 6"}} }},
		{Raw, "no header field", func(c *Config) { c.Targets[0].Header = http.Header{"X:": {"5"}} }},
	} {
		c := helloConfig(&server{address: "127.0.0.1:1"}, 1)
		test.change(&c)
		err := by(test.engine, c).Check()
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", test.engine, err, test.want)
		}
	}
}
