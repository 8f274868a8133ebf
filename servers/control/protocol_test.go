package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"
)

// What is no line of a guard or of benchctl is refused, and none of what is taken signals
// other processes than one.
func TestParse(t *testing.T) {
	for _, line := range []string{
		"", "\n", "garbage\n", "null\n", "[]\n", "7\n", `"reload"` + "\n", "{}\n", "{\n", `{"ID":"1","Verb":"reload"}`, "\x00\xff\n",
		`{"ID":0,"Verb":"reload"}`, `{"ID":1}`, `{"ID":-1,"Verb":"reload"}`, `{"Argv":[]}`, `{"Argv":"sh"}`,
		`{"Kind":"dance"}`, `{"Kind":"answered"}`, `{"Kind":"ended"}`, `{"Kind":"ended","PID":1}`, `{"Kind":"ended","PID":-5}`,
		`{"Kind":"started","PID":7,"Job":7}`, `{"Kind":"started","PID":7,"Generation":1}`, `{"Kind":"generation","PID":-1,"Job":7,"Generation":2}`,
		`{"Kind":"generation","PID":7,"Job":1,"Generation":2}`, `{"Kind":"generation","PID":7,"Job":7,"Generation":-2}`, `{"Kind":"ended","PID":99999999999999999999}`,
	} {
		if o, err := parseOrder([]byte(line)); err == nil {
			t.Errorf("%q is the order %+v", line, o)
		}
		if a, err := parseAsk([]byte(line)); err == nil {
			t.Errorf("%q is the ask %+v", line, a)
		}
		if r, err := parseReport([]byte(line)); err == nil {
			t.Errorf("%q is the report %+v", line, r)
		}
	}
}

func TestParseWhatIsWritten(t *testing.T) {
	line := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	want := order{Argv: []string{"true"}, Verbs: map[Verb]Action{Reload: {Signal: syscall.SIGHUP}, Upgrade: {Argv: []string{"ctl"}}}}
	if o, err := parseOrder(line(want)); err != nil || o.Verbs[Reload].Signal != syscall.SIGHUP || o.Verbs[Upgrade].Argv[0] != "ctl" {
		t.Errorf("order %+v, %v", o, err)
	}
	if a, err := parseAsk(line(ask{ID: 3, Verb: Reload})); err != nil || a != (ask{ID: 3, Verb: Reload}) {
		t.Errorf("ask %+v, %v", a, err)
	}
	for _, r := range []report{
		{Kind: EventStarted, At: 1, PID: 7, Job: 7, Generation: 1, Group: "/g"},
		{Kind: EventAnswered, At: 2, ID: 3, Verb: Reload, PID: 7, Generation: 1, Sent: 1, Ended: 2, Code: 3, Outcome: outcomeFailed, Error: "x"},
		{Kind: EventEnded, At: 3, PID: 7, Main: true, Code: -1, Signal: 9},
		{Kind: EventGeneration, At: 4, PID: 8, Job: 7, Generation: 2},
		{Kind: EventExited, At: 5, Code: 1, Escaped: 2, Left: true},
		{Kind: eventFailed, At: 6, Error: "x"},
	} {
		if got, err := parseReport(line(r)); err != nil || got != r {
			t.Errorf("report %+v, %v, not %+v", got, err, r)
		}
	}
}

// Whatever a guard writes, benchctl comes to an end of it, and an answer is handed to who
// asked alone.
func FuzzReports(f *testing.F) {
	f.Add("")
	f.Add("garbage\n")
	f.Add(`{"Kind":"answered","ID":1,"Outcome":"done"}` + "\n" + `{"Kind":"answered","ID":1}` + "\n" + `{"Kind":"answered","ID":9}` + "\n" + `{"Kind":"exited","Code":3}` + "\n")
	f.Add(`{"Kind":"generation","PID":7,"Job":7,"Generation":2}` + "\n" + `{"Kind":"generation","PID":8,"Job":7,"Generation":3}` + "\n" + `{"Kind":"exi`)
	f.Add(`{"Kind":"ended","PID":7,"Signal":-1,"Code":999}` + "\n" + `{"Kind":"ended","PID":0}` + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		var events []Event
		p := &Process{began: make(chan struct{}, 1), observe: func(e Event) { events = append(events, e) }}
		p.lead(report{PID: 2, Job: 2, Generation: 1})
		_, first := p.asks.add()
		_, second := p.asks.add()
		last, err := p.follow(reports{bufio.NewReader(strings.NewReader(text))})
		if (err == nil) != (last.Kind == EventExited) {
			t.Errorf("the last is %+v, %v", last, err)
		}
		if p.PID() < 2 || p.main.Load().Job < 2 {
			t.Errorf("the main process is %+v", p.main.Load())
		}
		if len(first) > 1 || len(second) > 1 {
			t.Error("an ask was answered twice")
		}
		for _, e := range events {
			if e.Kind == EventExited {
				t.Errorf("the last event came among others: %+v", events)
			}
		}
	})
}

// Whatever benchctl writes, the guard does what is an ask alone.
func FuzzAsks(f *testing.F) {
	f.Add("garbage")
	f.Add(`{"ID":1,"Verb":"reload"}`)
	f.Add(`{"ID":18446744073709551615,"Verb":""}`)
	f.Fuzz(func(t *testing.T, line string) {
		if a, err := parseAsk([]byte(line)); err == nil && (a.ID == 0 || a.Verb == "") {
			t.Errorf("%q is taken for %+v", line, a)
		}
		if o, err := parseOrder([]byte(line)); err == nil && len(o.Argv) == 0 {
			t.Errorf("%q is taken for %+v", line, o)
		}
	})
}

func TestMalformedReports(t *testing.T) {
	told := reports{bufio.NewReader(strings.NewReader("garbage\n{\"Kind\":\"exited\"}\n{\"Kind\":\"exited\"}"))}
	if _, err := told.next(); !errors.Is(err, errMalformed) {
		t.Errorf("garbage: %v", err)
	}
	if r, err := told.next(); err != nil || r.Kind != EventExited {
		t.Errorf("a report: %+v, %v", r, err)
	}
	if r, err := told.next(); err == nil || errors.Is(err, errMalformed) {
		t.Errorf("a line that was not ended: %+v, %v", r, err)
	}
}
