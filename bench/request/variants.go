package request

import (
	"fmt"
	"slices"
	"strings"

	"github.com/benchctl/benchctl/internal/misuse"
	"github.com/benchctl/benchctl/internal/nearest"
	"github.com/benchctl/benchctl/scenarios"
	"github.com/benchctl/benchctl/servers"
	"github.com/benchctl/benchctl/servers/external"
)

// variants are what a scenario makes of a candidate: those that are measured in its place, or
// why there are none.
type variants func(servers.Candidate) (all []servers.Candidate, lacks string)

// expand puts what a scenario makes of each candidate in its place, with a note on those of
// groups of which it makes nothing. Of one that was named itself it has to make something.
func expand(chosen servers.Choice, scenario string, by variants) (servers.Choice, []string, error) {
	var out servers.Choice
	without := make(map[string][]string) // by what they lack
	var order []string
	for i, c := range chosen.Candidates {
		all, lacks := by(c)
		switch {
		case lacks == "":
		case chosen.Named[i]:
			return out, nil, fmt.Errorf("run: candidate %q has no %s, which scenario %s takes: see benchctl list servers", c.Name, lacks, scenario)
		default:
			if without[lacks] == nil {
				order = append(order, lacks)
			}
			without[lacks] = append(without[lacks], c.Name)
		}
		for _, one := range all {
			put(&out, one, chosen.Named[i])
		}
	}
	var notes []string
	for _, lacks := range order {
		notes = append(notes, fmt.Sprintf("skipped %s: no %s, which scenario %s takes", strings.Join(without[lacks], ", "), lacks, scenario))
	}
	if len(out.Candidates) == 0 {
		return out, nil, fmt.Errorf("run: nothing to measure: %s", strings.Join(notes, "; "))
	}
	return out, notes, nil
}

// put adds a candidate, once.
func put(c *servers.Choice, one servers.Candidate, named bool) {
	at := slices.IndexFunc(c.Candidates, func(o servers.Candidate) bool { return o.Name == one.Name })
	if at < 0 {
		c.Candidates, c.Named = append(c.Candidates, one), append(c.Named, named)
		return
	}
	c.Named[at] = c.Named[at] || named
	if c.Candidates[at].Reference == "" {
		c.Candidates[at].Reference = one.Reference
	}
}

// byProfiles makes a candidate one by each profile, of which the first is the reference of the
// others. One that names a profile itself stays as it is.
func byProfiles(profiles []string) variants {
	return func(c servers.Candidate) ([]servers.Candidate, string) {
		if c.Profile != external.Default {
			return []servers.Candidate{c}, ""
		}
		var all []servers.Candidate
		for i, profile := range profiles {
			one := c.By(profile)
			switch {
			case !slices.Contains(c.Server.Profiles(), profile):
				return nil, "profile " + profile
			case one.Layers != "" && !one.Contract():
				return nil, "profile " + profile + " with layers"
			}
			if i > 0 {
				one.Reference = all[0].Name
			}
			all = append(all, one)
		}
		return all, ""
	}
}

// compared is the choice as the scenarios have it: of one run, all have it alike.
func compared(chosen servers.Choice, all []scenarios.Scenario) (servers.Choice, []string, error) {
	first := all[0]
	for _, s := range all[1:] {
		if !slices.Equal(s.Profiles, first.Profiles) {
			return chosen, nil, &misuse.Error{
				Err:    fmt.Errorf("run: %s and %s can't be of one run: they measure each server by different profiles", first.Name, s.Name),
				Remedy: "run them one after the other",
			}
		}
	}
	if first.Profiles == nil {
		return chosen, nil, nil
	}
	if err := known(chosen, first); err != nil {
		return chosen, nil, misuse.Of(err)
	}
	out, notes, err := expand(chosen, first.Name, byProfiles(first.Profiles))
	return out, notes, misuse.Of(err)
}

// known tells whether any of the servers has each profile of a scenario.
func known(chosen servers.Choice, s scenarios.Scenario) error {
	var names []string
	for _, c := range chosen.Candidates {
		names = append(names, c.Server.Profiles()...)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, profile := range s.Profiles {
		if !slices.Contains(names, profile) {
			return fmt.Errorf("run: scenario %s: none of the servers has profile %q%s", s.Name, profile, nearest.Hint(profile, names))
		}
	}
	return nil
}
