package main

import (
	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/bench/harness"
	"github.com/benchctl/benchctl/servers"
)

// sinkCommand is the hidden counterpart of calibrate: what it loads to find its
// own limit. It is not a server that anyone should measure.
func sinkCommand() *cobra.Command {
	fd := 0
	cmd := &cobra.Command{
		Use: "sink", Hidden: true, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ln, err := servers.Listener(fd)
			if err != nil {
				return usage(err)
			}
			return unable(harness.Sink(cmd.Context(), ln))
		},
	}
	cmd.Flags().IntVar(&fd, "listener-fd", 3, "file descriptor of a listening socket")
	return cmd
}

// sink is the command line that runs the sink.
func (e env) sink() []string { return []string{e.executable, "sink", "--listener-fd", "3"} }
