package judge_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/benchctl/benchctl/results"
	"github.com/benchctl/benchctl/results/internal/sample"
	"github.com/benchctl/benchctl/results/judge"
)

// What others do is told of the rows in whose slices they did it, with the names of those
// that did most. That it has to do with the server is said only where it follows its turns.
func TestBusyHostByRow(t *testing.T) {
	const wall = 200 * time.Millisecond
	worker, daemon := results.Foreign{PID: 7, Name: "worker"}, results.Foreign{PID: 8, Name: "kworker/0:1"}
	const alike = "busy host: other processes used 40 % of the servers' processors"
	both := func(share float64) map[string]float64 { return map[string]float64{"a": share, "b": share} }
	for _, c := range []struct {
		name    string
		share   func(round int) map[string]float64 // of the servers' processor that others used
		busiest []results.Foreign                  // in a's slices, with CPU times in ms
		want    [2]string                          // beginnings of the first reasons of a and b; "" for valid
		follows bool
	}{
		{name: "nobody", share: func(int) map[string]float64 { return both(0) }},
		{
			name:  "in the slices of one",
			share: func(r int) map[string]float64 { return map[string]float64{"a": 0.4 + 0.01*float64(r%5), "b": 0.01} },
			want: [2]string{"busy host: other processes used 42 % of the servers' processors in its slices, and 1 % in those of the others, " +
				"so that it has to do with this server; the busiest: PID 7 (worker)"},
			busiest: []results.Foreign{worker}, follows: true,
		},
		{
			name:  "in all slices alike",
			share: func(r int) map[string]float64 { return both(0.3 + 0.1*float64(r%3)) },
			want:  [2]string{alike, alike},
		},
		{
			name: "more in those of one, but not by much",
			share: func(r int) map[string]float64 {
				return map[string]float64{"a": 0.335 + 0.01*float64(r%2), "b": 0.295 + 0.01*float64(r%2)}
			},
			want: [2]string{"busy host: other processes used 32 % of the servers' processors", "busy host: other processes used 32 % of the servers' processors"},
		},
		{
			name: "once, by chance in a slice of one",
			share: func(r int) map[string]float64 {
				return map[string]float64{"a": map[bool]float64{true: 6}[r == 3], "b": 0}
			},
			want: [2]string{"busy host: other processes used 25 % of the servers' processors; the busiest: PID 7 (worker), PID 8 (kworker/0:1)"},
			busiest: []results.Foreign{
				worker, daemon, {PID: 9, Name: "little", CPU: -19}, // 1 ms
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := sample.Manifest()
			m.Rounds = 24
			trials := sample.Rounds(m.Rounds, func(trial *results.Trial) {
				used := c.share(trial.Round)[trial.Candidate]
				trial.Host = &results.Host{Wall: wall, OnServers: sample.NS(time.Duration(used * float64(wall))), OnLoader: sample.NS(0)}
				if trial.Candidate == "a" {
					for _, f := range c.busiest {
						f.CPU = (20 + f.CPU) * time.Millisecond
						trial.Host.Busiest = append(trial.Host.Busiest, f)
					}
				}
			})
			cells := summarize(t, m, sample.Launched(), trials).Cells
			for i, want := range c.want {
				why := judge.Sentences(cells[i].Reasons)
				if !strings.HasPrefix(why, want) || (want == "") != (cells[i].Verdict == judge.Valid) || cells[i].Verdict == judge.Invalid {
					t.Errorf("%s is %s: %q, want %q", cells[i].Candidate, cells[i].Verdict, cells[i].Reasons, want)
				}
				if said := strings.Contains(why, "it has to do with this server"); said != (c.follows && i == 0) {
					t.Errorf("%s: %q", cells[i].Candidate, why)
				}
			}
		})
	}
}

// A machine that is busy now and then, whoever has its turn, is hardly ever said to have to
// do with a server.
func TestBurstsFollowNobody(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	accused := 0
	const runs = 300
	for range runs {
		m := sample.Manifest()
		m.Rounds = 12
		trials := sample.Rounds(m.Rounds, func(trial *results.Trial) {
			burst := 0.3
			if rng.Float64() < 0.2 {
				burst = 0.3 + rng.ExpFloat64()
			}
			trial.Host = &results.Host{Wall: time.Second, OnServers: sample.NS(time.Duration(burst * 1e9)), OnLoader: sample.NS(0)}
		})
		for _, c := range summarize(t, m, sample.Launched(), trials).Cells {
			if !slices.ContainsFunc(judge.Texts(c.Reasons), func(r string) bool { return strings.HasPrefix(r, "busy host: ") }) {
				t.Fatalf("%s is not said to be disturbed: %q", c.Candidate, c.Reasons)
			}
			if strings.Contains(strings.Join(judge.Texts(c.Reasons), ""), "has to do with") {
				accused++
			}
		}
	}
	if accused > 2 { // of 600, each at 1 in 1000
		t.Errorf("%d of %d rows are said to be the cause", accused, 2*runs)
	}
}

// A deed in any slice or pass invalidates the row of who did it, once, and no other.
func TestDeedVoids(t *testing.T) {
	const deed = "moved to processors 0-1 (given 0): PID 7 (server)"
	for name, change := range map[string]func(*results.Record){
		"in a slice": func(r *results.Record) { r.Trials[4].Deed = deed },
		"in a pass": func(r *results.Record) {
			pass := sample.Slice("a", 0, 0)
			pass.Deed, pass.Pass = deed, &results.Pass{}
			r.Passes = []results.Trial{pass}
		},
		"in a slice that another disturbed": func(r *results.Record) {
			r.Trials[4].Deed, r.Trials[4].Others = deed, map[string]int64{"b": int64(time.Second)}
		},
		"after the load": func(r *results.Record) { r.Launches[0].BlockFailures = map[int]string{0: deed} },
		"in a slice, and the launch": func(r *results.Record) {
			r.Trials[4].Deed = deed
			r.Launches[0].BlockFailures = map[int]string{0: deed}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &results.Record{Dir: t.TempDir(), Manifest: sample.Manifest(), Launches: sample.Launched(), Trials: sample.Rounds(6, nil)}
			change(r)
			sum, err := judge.Summarize(r)
			if err != nil {
				t.Fatal(err)
			}
			a, b := sum.Cells[0], sum.Cells[1]
			if n := strings.Count(strings.Join(judge.Texts(a.Reasons), "\n"), deed); a.Verdict != judge.Invalid || a.Rank != 0 || a.Reasons[0].Text != deed || n != 1 {
				t.Errorf("a is %s: %q", a.Verdict, a.Reasons)
			}
			if b.Verdict != judge.Valid {
				t.Errorf("b is %s: %q", b.Verdict, b.Reasons)
			}
		})
	}
}
