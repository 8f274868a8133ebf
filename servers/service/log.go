package service

import (
	"context"
	"log/slog"
	"strings"
)

// lines is a slog.Handler that says a line for people of what the bus logs: "listen: listen
// tcp:127.0.0.1:80: permission denied".
type lines struct{ say func(string) }

// Enabled implements slog.Handler.
func (l lines) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler. That something failed, its error tells.
func (l lines) Handle(_ context.Context, r slog.Record) error {
	var parts []string
	if r.Message != "failed" {
		parts = append(parts, r.Message)
	}
	values := make(map[string]string)
	r.Attrs(func(a slog.Attr) bool {
		values[a.Key] = a.Value.String()
		return true
	})
	for _, key := range []string{"listener", "error", "stack"} {
		if text := values[key]; text != "" && !strings.HasPrefix(values["error"], text+" ") {
			parts = append(parts, text)
		}
	}
	l.say(strings.Join(parts, ": "))
	return nil
}

// WithAttrs implements slog.Handler. The bus sets none.
func (l lines) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler. The bus has none.
func (l lines) WithGroup(string) slog.Handler { return l }
