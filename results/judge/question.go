package judge

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/results"
)

// Question asks for the comparison of B with A. They are two runs, two candidates of a run, or
// two versions, such as "@base" and "@head", of a run's candidates.
type Question struct {
	Store     string // directory of the runs
	A, B      string
	Run       string  // that candidates are of
	Tolerance float64 // difference in % that is let pass
	Alpha     float64 // probability of any false finding among all comparisons
	Force     bool    // compare runs of different machines all the same
}

// Answer is the comparison. Missing states what can't be compared and why, Remarks the
// reservations.
type Answer struct {
	Comparisons      []Comparison
	Missing, Remarks []string
}

// Regressed reports whether B is worse by a metric that decides, or can't be compared.
func (a Answer) Regressed() bool {
	return len(a.Missing) > 0 || slices.ContainsFunc(a.Comparisons, func(c Comparison) bool { return c.Worse && c.Decides })
}

// Answer determines what A and B are and compares them. An error of usage is a misuse.Error.
// Other errors are of unreadable runs.
func (q Question) Answer() (Answer, error) {
	answer := Answer{Comparisons: []Comparison{}}
	if q.Tolerance < 0 {
		return answer, misuse.Errorf("compare: --tolerance %g: negative", q.Tolerance)
	}
	if !(q.Alpha > 0 && q.Alpha <= 1) {
		return answer, misuse.Errorf("compare: --family-alpha %g: not within 0 and 1", q.Alpha)
	}
	dirA, errA := results.Find(q.Store, q.A)
	dirB, errB := results.Find(q.Store, q.B)
	for _, err := range []error{errA, errB} {
		if errors.Is(err, results.ErrAmbiguous) {
			return answer, misuse.Of(err)
		}
	}
	compare := answer.candidates
	if errA == nil && errB == nil {
		compare = func(q Question) error { return answer.runs(q, dirA, dirB) }
	}
	err := compare(q)
	CorrectFamily(answer.Comparisons, q.Alpha)
	return answer, err
}

// candidates compares candidates of a run.
func (a *Answer) candidates(q Question) error {
	dir, err := results.Find(q.Store, q.Run)
	if err != nil {
		return misuse.Of(err)
	}
	r, err := results.Read(dir)
	if err != nil {
		return err
	}
	s, err := Summarize(r)
	if err != nil {
		return err
	}
	pairs, err := s.match(q.A, q.B)
	if err != nil {
		return misuse.Errorf("compare: %w", err)
	}
	for _, p := range pairs {
		all, missing := CompareCandidates(s, p[0], p[1], q.Tolerance/100)
		a.Comparisons, a.Missing = append(a.Comparisons, all...), append(a.Missing, missing...)
		all, missing = CompareWatched(r, s, p[0], p[1], q.Tolerance/100)
		a.Comparisons, a.Missing = append(a.Comparisons, all...), append(a.Missing, missing...)
	}
	a.remarkPartial(s.Run.ID, s.Run.Status)
	return nil
}

// runs compares two runs.
func (a *Answer) runs(q Question, dirA, dirB string) error {
	ra, err := results.Read(dirA)
	if err != nil {
		return err
	}
	rb, err := results.Read(dirB)
	if err != nil {
		return err
	}
	a.remarkPartial(ra.Manifest.ID, Status(ra))
	a.remarkPartial(rb.Manifest.ID, Status(rb))
	if err := a.remarkDifferences(ra.Manifest, rb.Manifest, q.Force); err != nil {
		return err
	}
	all, missing, err := CompareRuns(ra, rb, q.Tolerance/100)
	a.Comparisons, a.Missing = append(a.Comparisons, all...), append(a.Missing, missing...)
	if len(all) > 0 {
		a.remark("the runs are two sittings: the machine's drift between them is not in the intervals")
	}
	return err
}

func (a *Answer) remark(format string, args ...any) {
	a.Remarks = append(a.Remarks, fmt.Sprintf(format, args...))
}

// remarkPartial says that figures are of fewer slices than were planned.
func (a *Answer) remarkPartial(run, status string) {
	if status == StatusPartial {
		a.remark("run %s is partial: it was ended before every planned slice was measured", run)
	}
}

// remarkDifferences states the differences of two runs other than the candidates. It refuses
// runs of different machines, unless force is set.
func (a *Answer) remarkDifferences(ma, mb results.Manifest, force bool) error {
	if ma.Environment.Fingerprint != mb.Environment.Fingerprint {
		differences := strings.Join(ma.Environment.Differences(mb.Environment), "; ")
		if !force {
			return &misuse.Error{
				Err:    fmt.Errorf("compare: the runs were measured on different machines, or one set up otherwise: %s", differences),
				Remedy: "their ratio says little about the servers; --force prints it",
			}
		}
		a.remark("the runs differ in %s", differences)
	}
	if !slices.Equal(ma.Env, mb.Env) {
		a.remark("the candidates' environment was %s in %s, and %s in %s", orUsual(ma.Env), ma.ID, orUsual(mb.Env), mb.ID)
	}
	return nil
}

// orUsual is the variables that were set for candidates.
func orUsual(env []string) string {
	if len(env) == 0 {
		return "the usual one"
	}
	return "with " + strings.Join(env, " ")
}

// match returns the two candidates or, for versions such as @base and @head, each candidate
// of one version with its counterpart of the other.
func (s *Summary) match(a, b string) ([][2]string, error) {
	var names []string
	for _, c := range s.Cells {
		if !slices.Contains(names, c.Candidate) {
			names = append(names, c.Candidate)
		}
	}
	if strings.HasPrefix(a, "@") && strings.HasPrefix(b, "@") {
		return matchVersions(names, a, b)
	}
	for _, name := range []string{a, b} {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("run %s has no candidate %q%s", s.Run.ID, name, nearest.Hint(name, names))
		}
	}
	return [][2]string{{a, b}}, nil
}

func matchVersions(names []string, a, b string) ([][2]string, error) {
	var pairs [][2]string
	for _, name := range names {
		other, ok := withVersion(name, a, b)
		if ok && slices.Contains(names, other) {
			pairs = append(pairs, [2]string{name, other})
		}
	}
	if len(pairs) == 0 {
		return nil, fmt.Errorf("no candidate is there both as %s and as %s: there are %s", a, b, strings.Join(names, ", "))
	}
	return pairs, nil
}

// withVersion is the name of a candidate, name[@version][:profile][+layers][#label], with version
// b in place of a; ok is false if it is of another version than a.
func withVersion(name, a, b string) (other string, ok bool) {
	server, rest, versioned := strings.Cut(name, a)
	return server + b + rest, versioned && (rest == "" || strings.IndexByte(":+#", rest[0]) >= 0)
}
