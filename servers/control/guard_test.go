package control_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/benchctl/benchctl/servers/control"
)

// A guard that is told nonsense does nothing, and goes on. What its candidate does not
// offer it refuses too.
func TestGuardRefuses(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	g := startGuard(t)
	g.say(t, map[string]any{
		"Argv": []string{os.Args[0]}, "Env": []string{"CONTROL_TEST_PART=supervised"}, "Log": log, "Groups": control.NoGroup, "Death": time.Minute, "Command": time.Minute,
		"Verbs": map[control.Verb]control.Action{control.Reload: signalled(syscall.SIGHUP)},
	})
	started := g.hear(t)
	says(t, log, fmt.Sprintf("up %v", started["PID"]))
	for _, line := range []string{"garbage", "", "{}", "\x00", `"reload"`, `{"ID":0,"Verb":"reload"}`, `{"Verb":"reload"}`, `{"ID":1}`, strings.Repeat("x", 100_000)} {
		if _, err := io.WriteString(g.orders, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	for id, verb := range map[int]control.Verb{1: control.Upgrade, 2: control.StopGraceful, 3: "dance"} {
		g.say(t, map[string]any{"ID": id, "Verb": verb})
		if r := g.hear(t); r["Kind"] != "answered" || r["ID"] != float64(id) || r["Outcome"] != "refused" || r["Sent"] != nil {
			t.Errorf("%s: %v", verb, r)
		}
	}
	g.say(t, map[string]any{"ID": 4, "Verb": control.Reload})
	if r := g.hear(t); r["ID"] != 4.0 || r["Outcome"] != "done" || r["PID"] != started["PID"] {
		t.Errorf("reload: %v", r)
	}
	says(t, log, fmt.Sprintf("reloaded %v", started["PID"]))
	g.orders.Close()
	if r := g.hear(t); r["Kind"] != "ended" || r["Signal"] != float64(syscall.SIGKILL) || r["Main"] != true {
		t.Errorf("its end: %v", r)
	}
	if r := g.hear(t); r["Kind"] != "exited" || r["Signal"] != float64(syscall.SIGKILL) {
		t.Errorf("the last: %v", r)
	}
}

func TestGuardWithoutOrder(t *testing.T) {
	for _, line := range []string{"garbage\n", "{}\n", "null\n"} {
		g := startGuard(t)
		if _, err := io.WriteString(g.orders, line); err != nil {
			t.Fatal(err)
		}
		if r := g.hear(t); r["Kind"] != "failed" || !strings.HasPrefix(fmt.Sprint(r["Error"]), "order: ") {
			t.Errorf("%q: %v", line, r)
		}
	}
}

// lone is a guard that a test speaks to by its pipes.
type lone struct {
	orders *os.File
	events *json.Decoder
}

func startGuard(t *testing.T) lone {
	t.Helper()
	theirOrders, orders, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	events, theirEvents, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	guard := exec.Command(os.Args[0], "guard")
	guard.ExtraFiles = []*os.File{theirOrders, theirEvents}
	if err := guard.Start(); err != nil {
		t.Fatal(err)
	}
	theirOrders.Close()
	theirEvents.Close()
	t.Cleanup(func() {
		orders.Close() // ends it
		_ = guard.Wait()
		events.Close()
	})
	return lone{orders, json.NewDecoder(events)}
}

func (g lone) say(t *testing.T, line any) {
	t.Helper()
	if err := json.NewEncoder(g.orders).Encode(line); err != nil {
		t.Fatal(err)
	}
}

func (g lone) hear(t *testing.T) (r map[string]any) {
	t.Helper()
	if err := g.events.Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}
