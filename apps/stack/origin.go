package stack

import "fmt"

// Origin is where in a file a value stands. Line and Column count from 1, the column in characters.
type Origin struct {
	File         string
	Line, Column int
}

func (o Origin) String() string { return fmt.Sprintf("%s:%d:%d", o.File, o.Line, o.Column) }

// Origins are the origins of a stack's values, by the values' places as Error.Place gives them.
type Origins map[string]Origin
