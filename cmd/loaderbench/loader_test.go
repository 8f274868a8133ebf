//go:build linux

package main

import "testing"

// What each loader prints when all went well, and when not.
func TestRequests(t *testing.T) {
	own := benchctlLoader("benchctl", "raw")
	for _, test := range []struct {
		loader loader
		output string
		want   uint64 // 0: an error
	}{
		{own, `{"requests": 120442, "errors": {}}`, 120442},
		{own, `{"requests": 120442, "errors": {"length": 1}}`, 0},
		{own, `{"requests": 0, "errors": {}}`, 0},
		{own, ``, 0},
		{wrk, "    Req/Sec   110.72k     6.54k  118.86k    50.00%\n  109947 requests in 1.00s, 13.95MB read\n", 109947},
		{wrk, "  9947 requests in 1.00s, 13.95MB read\n  Socket errors: connect 0, read 3, write 0, timeout 0\n", 0},
		{wrk, "  9947 requests in 1.00s, 13.95MB read\n  Non-2xx or 3xx responses: 9947\n", 0},
		{hey, "Status code distribution:\n  [200]\t41944 responses\n", 41944},
		{hey, "Status code distribution:\n  [200]\t41944 responses\n  [404]\t1 responses\n", 0},
		{hey, "  [200]\t4194 responses\n\nError distribution:\n  [3]\tGet \"http://127.0.0.1:1\": EOF\n", 0},
		{h2load, "requests: 101154 total, 101218 started, 101154 done, 101154 succeeded, 0 failed, 0 errored, 0 timeout\n", 101154},
		{h2load, "requests: 101154 total, 101218 started, 101154 done, 101144 succeeded, 10 failed, 0 errored, 0 timeout\n", 0},
		{h2load, "", 0},
		{loader{name: "vegeta attack", requests: vegetaReport}, `{"requests": 40100, "success": 1, "status_codes": {"200": 40100}}`, 40100},
		{loader{name: "vegeta attack", requests: vegetaReport}, `{"requests": 40100, "success": 0.9, "status_codes": {"0": 4010, "200": 36090}}`, 0},
	} {
		got, err := test.loader.requests([]byte(test.output))
		if got != test.want || (err == nil) != (test.want > 0) {
			t.Errorf("%s: %q: %d, %v; want %d", test.loader.name, test.output, got, err, test.want)
		}
	}
}
