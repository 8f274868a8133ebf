package conform

import (
	"context"

	"github.com/benchctl/benchctl/apps/suite"
)

// One makes the check of the given id, with app hello if it is one for each app.
func One(ctx context.Context, t Target, id string) Finding {
	for _, c := range Checks() {
		if c.ID == id {
			hello, _ := suite.Parse("hello")
			return t.check(ctx, c, hello, nil)
		}
	}
	panic("no check " + id)
}
