package stack

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Size is a number of bytes.
type Size int64

// units of Sizes, the largest first.
var units = []struct {
	name  string
	bytes Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// ParseSize reads a number of bytes, or of KiB, MiB or GiB: "64KiB".
func ParseSize(text string) (Size, error) {
	number, unit := text, Size(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err == nil && (n > int64(1<<62)/int64(unit) || n < 0) {
		err = strconv.ErrRange
	}
	if err != nil {
		return 0, fmt.Errorf("%s is not a size, as \"64KiB\" or a number of bytes", strconv.Quote(text))
	}
	return Size(n) * unit, nil
}

// String writes the size in the largest unit that divides it.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Secret refers to a secret, which is in no stack itself: "env:NAME" is a variable of the
// environment, "file:PATH" a file's content without the line break at its end.
type Secret string

func parseSecret(text string) (Secret, error) {
	kind, at, _ := strings.Cut(text, ":")
	if (kind != "env" && kind != "file") || at == "" {
		return "", errors.New("a secret is given by reference, as \"env:NAME\" or \"file:PATH\"")
	}
	return Secret(text), nil
}

// Value is the secret itself. It fails if there is none, or an empty one.
func (s Secret) Value() (string, error) {
	if _, err := parseSecret(string(s)); err != nil {
		return "", err
	}
	kind, at, _ := strings.Cut(string(s), ":")
	if kind == "env" {
		if v := os.Getenv(at); v != "" {
			return v, nil
		}
		return "", fmt.Errorf("secret %s: the variable is not set", s)
	}
	b, err := os.ReadFile(at)
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", s, err)
	}
	if v := strings.TrimRight(string(b), "\r\n"); v != "" {
		return v, nil
	}
	return "", fmt.Errorf("secret %s: the file is empty", s)
}
