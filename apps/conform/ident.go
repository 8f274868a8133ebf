package conform

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/benchctl/benchctl/apps/suite"
)

// largestID is the largest id that there is.
const largestID = "18446744073709551615"

// checkIdent asks for the app "ident", with ids and without. Each variant names in its
// body the id that the reply is to have.
func checkIdent(p *probe) error {
	ask := func(name, fields, id string) variant {
		return variant{name: name, text: "GET /ident HTTP/1.1\r\nHost: {host}\r\n" + fields + "\r\n", body: id}
	}
	field := suite.RequestID + ": "
	return errors.Join(p.try(notIdentified,
		ask("GET", field+"7\r\n", "7"), ask("the largest id", field+largestID+"\r\n", largestID), ask("no id", "", "-"),
		ask("letters for an id", field+"7a\r\n", "-"), ask("too long an id", field+strings.Repeat("1", len(largestID)+1)+"\r\n", "-"),
	), postsIdentified(p))
}

// notIdentified wants the reply to the request that the variant names.
func notIdentified(a answer) error {
	if a.err != nil {
		return a.err
	}
	told, ok := suite.ParseIdent(a.res.body)
	switch {
	case !ok || a.res.StatusCode != http.StatusOK:
		return a.said()
	case told.ID != a.variant.body:
		return fmt.Errorf("the reply is that to request %s, not %s", told.ID, a.variant.body)
	}
	return nil
}

// postsIdentified posts bodies, one after the other on a connection: each reply is to be
// that of its request. Whether the connection is kept is for another check.
func postsIdentified(p *probe) error {
	c, err := p.dial()
	if err != nil {
		return err
	}
	for n := range 3 {
		id := strconv.Itoa(n + 1)
		res, err := c.exchange(request{method: http.MethodPost, target: "/ident", header: [][2]string{{suite.RequestID, id}}, body: []byte("body")})
		if n > 0 && errors.Is(err, errNoReply) {
			return nil
		}
		if err == nil {
			err = notIdentified(answer{res: res, variant: variant{body: id}})
		}
		if err != nil {
			return fmt.Errorf("POST %s of a connection: %w", id, err)
		}
		if res.Close {
			return nil
		}
	}
	return nil
}
