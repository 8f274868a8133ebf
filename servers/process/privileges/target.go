// Package privileges lets go of root's for good: user, groups, supplementary groups,
// capabilities of all sets, and the way back by programs with the set-user-ID bit. It does so
// in every thread, with and without cgo, and then proves it.
package privileges

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/user"
)

// Target is whom a process becomes.
type Target struct {
	User          string // as it was asked for
	UID, GID      int
	Supplementary []int // groups beside GID
}

// Lookup finds a user, and the groups that /etc/group has it in, as login(1) would give them.
// A group, if one is named, takes the place of the user's own. Both are names or numbers; a
// number need not be known, but then a group must be named. Who has root's rights is refused.
//
// It reads /etc/passwd and /etc/group, and finds the same with and without cgo. Users of a
// directory service are not found.
func Lookup(name, group string) (Target, error) {
	a, err := read("/etc/passwd", "/etc/group")
	if err != nil {
		return Target{}, err
	}
	return a.lookup(name, group)
}

// accounts are those of the system.
type accounts struct {
	users  []user.User
	groups []user.Group
}

func read(passwd, group string) (a accounts, err error) {
	if a.users, err = user.ParsePasswdFile(passwd); err != nil {
		return a, err
	}
	a.groups, err = user.ParseGroupFile(group)
	return a, err
}

func (a accounts) lookup(name, group string) (Target, error) {
	t := Target{User: name}
	named := slices.IndexFunc(a.users, func(u user.User) bool { return u.Name == name || strconv.Itoa(u.Uid) == name })
	if named >= 0 {
		u := a.users[named]
		t.UID, t.GID, t.Supplementary = u.Uid, u.Gid, a.of(u.Name)
	} else {
		id, ok := number(name)
		if !ok {
			return t, fmt.Errorf("user %q is not in /etc/passwd%s", name, hint(name, a.userNames()))
		}
		if group == "" {
			return t, fmt.Errorf("user %d is not in /etc/passwd: name a group too", id)
		}
		t.UID = id
	}
	if group != "" {
		id, err := a.group(group)
		if err != nil {
			return t, err
		}
		t.GID = id
	}
	return t, a.refuse(t)
}

// of are the groups that have a user as a member.
func (a accounts) of(name string) (ids []int) {
	for _, g := range a.groups {
		if slices.Contains(g.List, name) {
			ids = append(ids, g.Gid)
		}
	}
	return ids
}

func (a accounts) group(name string) (int, error) {
	for _, g := range a.groups {
		if g.Name == name {
			return g.Gid, nil
		}
	}
	if id, ok := number(name); ok {
		return id, nil
	}
	names := make([]string, len(a.groups))
	for i, g := range a.groups {
		names[i] = g.Name
	}
	return 0, fmt.Errorf("group %q is not in /etc/group%s", name, hint(name, names))
}

func (a accounts) userNames() []string {
	names := make([]string, len(a.users))
	for i, u := range a.users {
		names[i] = u.Name
	}
	return names
}

// refuse tells of rights of root's that would be left.
func (a accounts) refuse(t Target) error {
	switch {
	case t.UID == 0:
		return fmt.Errorf("user %q is root: there is nothing to drop", t.User)
	case t.GID == 0:
		return fmt.Errorf("user %q would have root's group, 0: name another", t.User)
	case slices.Contains(t.Supplementary, 0):
		return fmt.Errorf("user %q is a member of root's group, 0", t.User)
	}
	return nil
}

// number is a user or group number. The highest is none: setuid(2) takes it for -1. A higher
// one would be cut to another's, root's for one.
func number(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 32)
	return int(n), err == nil && n != 1<<32-1
}

// hint completes an error with the known name that is nearest, if one is near.
func hint(word string, known []string) string {
	best, least := "", 1+len(word)/4
	for _, name := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(name)); d <= least && d < len(name) {
			best, least = name, d-1
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", best)
}

// distance is the least number of bytes to insert, delete or replace that makes a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
