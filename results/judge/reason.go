package judge

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/benchctl/benchctl/internal/stats"
)

// Reason is why a cell has its verdict. Programs recognize it by its ID.
type Reason struct {
	ID     string         `json:"id"`                             // of a Kind: "busy-host"
	Params map[string]any `json:"params,omitempty" print:"lines"` // what the sentence tells of
	Text   string         `json:"text" print:"lines"`             // the sentence
}

// Kind is a sort of reason. Its sentence has a {parameter} for each, with fmt's verb
// after a colon where it is not %v: "{percent:%.1f}".
type Kind struct {
	ID       string
	Verdict  Verdict // that it makes, or a worse one
	About    About
	Sentence string
}

// About is the subject of a reason.
type About string

// Subjects of reasons.
const (
	OfServer About = "the server"
	OfOthers About = "a server beside it"
	OfRun    About = "the run" // its machine, its load generator, its length
)

// Kinds of reasons.
var (
	notReached = Kind{"not-reached", Unreached, OfRun, "not reached: the run ended before it was measured"}

	failure        = Kind{"failed", Invalid, OfServer, "{cause}"}
	deed           = Kind{"deed", Invalid, OfServer, "{deed}"}
	wrongBody      = Kind{"wrong-body", Invalid, OfServer, "wrong body: {wrong} of {compared} compared replies differed, the first by {first}"}
	staleReplies   = Kind{"stale-replies", Invalid, OfServer, "stale replies: {stale} replies carried a Date up to {age_ns} old: they come from a cache"}
	didNotWait     = Kind{"did-not-wait", Invalid, OfServer, "did not wait: {hasty} of {answered} replies came sooner than the app allows"}
	didNotStream   = Kind{"did-not-stream", Invalid, OfServer, "did not stream: from the first byte of a body to its end it took {took_ns} on average, where the app takes {due_ns}"}
	didNotWork     = Kind{"did-not-work", Invalid, OfServer, "did not work: {cpu_ns} of CPU time per request, where the app takes {due_ns}"}
	cpuImpossible  = Kind{"cpu-impossible", Invalid, OfServer, "server CPU can't be true: {cpu_ns} per request is less than its system calls take; what answers is not among the processes that were started"}
	requestsFailed = Kind{"errors", Invalid, OfServer, "errors: {percent:%.3g} % of requests failed ({kinds})"}
	nothingCounted = Kind{"nothing-counted", Invalid, OfRun, "not measured: no reply was counted"}
	noSlice        = Kind{"no-slice", Invalid, OfRun, "not measured: no slice can be used"}

	hamperedPass     = Kind{"slices-only-hampered", Degraded, OfRun, "slices only: the uninterrupted load was hampered ({by})"}
	slicesOnly       = Kind{"slices-only", Degraded, OfRun, "slices only: there is no uninterrupted load to hold them against"}
	slicesMislead    = Kind{"slices-mislead", Degraded, OfServer, "slices mislead: they show {what} of an uninterrupted load of {seconds:%.3g} s; the row is that load's"}
	notKeptBusy      = Kind{"connections-idle", Degraded, OfServer, "connections not kept busy: {in_flight:%.3g} of {kept:%.0f} requests in flight, by throughput x mean response time"}
	timesImpossible  = Kind{"times-impossible", Degraded, OfServer, "response times beyond what connections allow: {in_flight:%.3g} requests in flight, by throughput x mean response time, where {kept:%.0f} are kept"}
	changesUnderLoad = Kind{"changes-under-load", Degraded, OfServer, "changes under load: the last third of {seconds:%.3g} s without a break had {ratio:%.2f}x the throughput of the first"}
	changesWithAge   = Kind{"changes-with-age", Degraded, OfServer, "changes with age: the second half of a launch's slices had {ratio:%.2f}x the throughput of the first [{low:%.2f}, {high:%.2f}]"}
	unsteadyLoad     = Kind{"unsteady", Degraded, OfServer, "unsteady under load: parts of {part_s:%.2g} s had {low:%.2g}x to {high:%.2g}x the mean throughput of {seconds:%.3g} s without a break, so that figures depend on when and how long it is loaded"}
	memoryGrows      = Kind{"memory-grows", Degraded, OfServer, "memory grows: from {before_mib:%.0f} to {after_mib:%.0f} MiB in {seconds:%.3g} s of load"}
	disturbed        = Kind{"disturbed", Degraded, OfOthers, "disturbed: {left_out} of {slices} slices are left out, as {by} used the processors meanwhile"}
	busyWhileIdle    = Kind{"busy-while-idle", Degraded, OfServer, "busy while idle: it uses {percent:%.0f} % of a processor with nothing to do, which is no request's"}
	worksElsewhere   = Kind{"works-elsewhere", Degraded, OfServer, "works elsewhere: started by a process that its guard does not hold, so that its CPU time and memory are not counted: {processes}"}
	tooFewSlices     = Kind{"too-few-slices", Degraded, OfRun, "too few slices: {slices}, and an interval takes {needed}"}
	fewReplies       = Kind{"few-replies", Degraded, OfRun, "few replies: {replies:%.0f} in a slice on average, so that chance decides what a slice has; longer slices show more"}
	loaderBound      = Kind{"loader-bound", Degraded, OfRun, "loader-bound: the load generator used {loader_percent:%.0f} % of its processors and the server {server_percent:%.0f} %; throughput is a lower bound"}
	atCeiling        = Kind{"at-ceiling", Degraded, OfRun, "at the load generator's ceiling: {rows} rows lie within {percent:%.0f} % of its {ceiling_rps:%.0f} req/s, so that they may differ and not show it"}
	notPinned        = Kind{"not-pinned", Degraded, OfRun, "not pinned: server and load generator share processors"}
	stolenTime       = Kind{"stolen-time", Degraded, OfRun, "stolen time: the hypervisor withheld {percent:%.1f} % of the processors' time"}
	idleClosed       = Kind{"idle-closed", Degraded, OfServer, "idle connections: the server kept {kept} of {asked} open"}
	foldedFields     = Kind{"folded-fields", Degraded, OfServer, "folded header fields: {replies} replies have some that go over several lines, which RFC 9112 section 5.2 forbids"}
	connectionDate   = Kind{"connection-date", Degraded, OfServer, "one Date for each connection: {dated} replies carried a Date up to {age_ns} old, where it is to be the time of the reply (RFC 9110 section 6.6.1)"}
	hostBusy         = Kind{"busy-host", Degraded, OfRun, "busy host: other processes used {percent:%.0f} % of {processors}{when}{busiest}"}
	loaderThrottled  = Kind{"loader-throttled", Degraded, OfRun, "loader throttled: the load generator waited {percent:%.0f} % of the time for a processor that others had"}
	quotaThrottled   = Kind{"quota", Degraded, OfRun, "throttled: a CPU quota withheld {withheld_ns} of processor time in {in_ns}"}
	heatThrottled    = Kind{"heat", Degraded, OfRun, "throttled: heat slowed processors down {times} times"}
	rateNotReached   = Kind{"rate-not-reached", Degraded, OfServer, "rate not reached: {percent:%.1f} % of the offered {offered} req/s were answered in time"}
	lateLoad         = Kind{"late-load", Degraded, OfRun, "late load: the load generator itself sent 1 % of the requests {late_ns} late or more, over {limit_ns}"}
	sloNotMet        = Kind{"slo-not-met", Degraded, OfServer, "not met at {rate} req/s, the lowest rate tried"}
	sloNotSettled    = Kind{"slo-not-settled", Degraded, OfServer, "not settled: {slices} slices after the first {turns} turns of the search, and an interval takes {needed}{highest}"}
	shortSlices      = Kind{"short-slices", Degraded, OfRun, "short slices: some had {requests:%.0f} requests, and {percentile} takes {needed:%.0f} for 100 beyond it"}
)

// Kinds of reasons of loads with events.
var (
	eventFailed    = Kind{"event-failed", Degraded, OfServer, "{event} could not be done: {cause}"}
	endedByEvent   = Kind{"ended-by-event", Degraded, OfServer, "it ended, as it was not to, by \"{events}\" ({exit}) in {ended} of {repetitions} repetitions"}
	endedBefore    = Kind{"ended-before-event", Degraded, OfServer, "it ended before the first event in {ended} of {repetitions} repetitions ({exit})"}
	notAgain       = Kind{"not-started-again", Degraded, OfServer, "after {repetitions} repetitions it could not be started again: {cause}"}
	neverEnded     = Kind{"never-ended", Degraded, OfServer, "it was asked to stop and still ran 10 s after the load in {running} of {repetitions} repetitions"}
	changedNothing = Kind{"changed-nothing", Degraded, OfServer, "\"{events}\" changed nothing in {unchanged} of {repetitions} repetitions: all replies came from the processes, and the app, of before"}
	fewRepetitions = Kind{"too-few-repetitions", Degraded, OfRun, "too few repetitions: {repetitions}, and an interval takes {needed}"}
	clientLacked   = Kind{"client-lacked", Degraded, OfRun, "{unsent} requests were not sent, as the load generator itself lacked something: {cause}"}
)

// Needed is how many slices or repetitions an interval takes.
const Needed = stats.MinValues

// Kinds are all sorts of reasons, the worst first.
func Kinds() []Kind {
	return []Kind{
		failure, deed, wrongBody, staleReplies, didNotWait, didNotStream, didNotWork, cpuImpossible, requestsFailed, nothingCounted, noSlice, notReached,
		hamperedPass, slicesOnly, slicesMislead, notKeptBusy, timesImpossible, changesUnderLoad, changesWithAge, unsteadyLoad, memoryGrows, disturbed,
		busyWhileIdle, worksElsewhere, tooFewSlices, fewReplies, loaderBound, atCeiling, notPinned, stolenTime, idleClosed, foldedFields, connectionDate, hostBusy, loaderThrottled,
		quotaThrottled, heatThrottled, rateNotReached, lateLoad, sloNotMet, sloNotSettled, shortSlices,
		eventFailed, endedBefore, endedByEvent, notAgain, neverEnded, changedNothing, fewRepetitions, clientLacked,
	}
}

// Kind is the kind of the reason; the zero Kind if another version made it.
func (r Reason) Kind() Kind {
	all := Kinds()
	at := slices.IndexFunc(all, func(k Kind) bool { return k.ID == r.ID })
	if at < 0 {
		return Kind{ID: r.ID}
	}
	return all[at]
}

// placeholder is a {parameter} of a sentence, with its verb.
var placeholder = regexp.MustCompile(`\{(\w+)(?::(%[^}]+))?\}`)

// because makes a reason of the kind. The values are those of its parameters, in the order of
// the sentence.
func (k Kind) because(values ...any) Reason {
	r := Reason{ID: k.ID, Params: make(map[string]any, len(values))}
	r.Text = placeholder.ReplaceAllStringFunc(k.Sentence, func(found string) string {
		part := placeholder.FindStringSubmatch(found)
		verb, value := part[2], values[len(r.Params)]
		if verb == "" {
			verb = "%v"
		}
		r.Params[part[1]] = value
		return fmt.Sprintf(verb, value)
	})
	return r
}

// Explain is the sentence with the names of its parameters in place of values.
func (k Kind) Explain() string { return placeholder.ReplaceAllString(k.Sentence, "{$1}") }

// worst is the verdict that reasons make.
func worst(all []Reason) Verdict {
	for _, k := range Kinds() {
		if Has(all, k.ID) {
			return k.Verdict
		}
	}
	return Valid
}

// Texts are the sentences of reasons.
func Texts(all []Reason) []string {
	var texts []string
	for _, r := range all {
		texts = append(texts, r.Text)
	}
	return texts
}

// Sentences joins the sentences of reasons.
func Sentences(all []Reason) string { return strings.Join(Texts(all), "; ") }

// Name is the kind in words, for counts of rows: "busy host".
func (k Kind) Name() string { return strings.ReplaceAll(k.ID, "-", " ") }

// Own reports whether reasons of the kind have nothing in common: their sentence is what each row tells.
func (k Kind) Own() bool { return k.Sentence == "" || strings.HasPrefix(k.Sentence, "{") }

// Merge is one sentence for reasons of one kind. What differs among them is told from the least to the most
// or, if it is no number, as the first few.
func Merge(all []Reason) string {
	k := all[0].Kind()
	if k.Sentence == "" || !slices.ContainsFunc(all, func(r Reason) bool { return r.Text != all[0].Text }) {
		return all[0].Text
	}
	return placeholder.ReplaceAllStringFunc(k.Sentence, func(found string) string {
		part := placeholder.FindStringSubmatch(found)
		return merged(all, part[1], cmp.Or(part[2], "%v"))
	})
}

// merged is a parameter of several reasons.
func merged(all []Reason, param, verb string) string {
	type value struct {
		amount float64
		text   string
	}
	var values []value
	numbers := true
	for _, r := range all {
		v := typed(param, r.Params[param])
		amount, ok := number(v)
		numbers = numbers && ok
		if one := (value{amount, fmt.Sprintf(verb, v)}); !slices.ContainsFunc(values, func(o value) bool { return o.text == one.text }) {
			values = append(values, one)
		}
	}
	if numbers && len(values) > 1 {
		by := func(a, b value) int { return cmp.Compare(a.amount, b.amount) }
		return slices.MinFunc(values, by).text + "–" + slices.MaxFunc(values, by).text
	}
	if len(values) > 1 && slices.ContainsFunc(values, func(v value) bool { return v.text == "" || strings.ContainsAny(v.text[:1], " ,;") }) {
		return "" // clauses of a sentence, which each row tells by itself
	}
	const most = 3
	var texts []string
	for _, v := range values[:min(most, len(values))] {
		texts = append(texts, v.text)
	}
	if more := len(values) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(texts, " | ")
}

// typed is a parameter's value as it was before it went through JSON, which has one type of numbers.
func typed(param string, v any) any {
	f, ok := v.(float64)
	switch {
	case ok && strings.HasSuffix(param, "_ns"):
		return time.Duration(f)
	case ok && f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return whole(f)
	}
	return v
}

// whole is a whole number, which prints as one by any verb of numbers.
type whole float64

// Format implements fmt.Formatter.
func (n whole) Format(s fmt.State, verb rune) {
	if verb == 'v' || verb == 'd' {
		fmt.Fprintf(s, "%.0f", float64(n))
		return
	}
	fmt.Fprintf(s, fmt.FormatString(s, verb), float64(n))
}

func number(v any) (float64, bool) {
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return float64(r.Int()), true
	case r.CanUint():
		return float64(r.Uint()), true
	case r.CanFloat():
		return r.Float(), true
	}
	return 0, false
}

// Has reports whether one of the reasons is of a kind, by its ID.
func Has(all []Reason, id string) bool {
	return slices.ContainsFunc(all, func(r Reason) bool { return r.ID == id })
}
