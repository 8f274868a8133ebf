package main

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/benchctl/benchctl/report/live"
	"github.com/benchctl/benchctl/report/site"
	"github.com/benchctl/benchctl/results/judge"
)

// liveCommand is the hidden process of "run --live": it serves a report, and reads what is new from its standard
// input, with which it ends.
func liveCommand(e env) *cobra.Command {
	return &cobra.Command{
		Use: "live DIR", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return unable(err)
			}
			if _, err := fmt.Fprintf(e.stdout, "http://%s/\n", ln.Addr()); err != nil {
				return unable(err)
			}
			return unable(live.Serve(cmd.Context(), ln, args[0], os.Stdin))
		},
	}
}

// view is the report of a run that goes on, which another process serves. That does nothing while nobody asks: it
// shares the machine with what is measured.
type view struct {
	url   string
	cmd   *exec.Cmd
	news  chan string // lines that are passed on, or dropped where the other process is behind
	ended chan struct{}
	run   string // directory of the run
	dir   string // of the report
}

// startView writes the report of a run as it is, and has it served.
func (e env) startView(run, dir string) (*view, error) {
	v := &view{run: run, dir: dir, news: make(chan string, 16), ended: make(chan struct{})}
	if err := v.write(); err != nil {
		return nil, err
	}
	v.cmd = exec.Command(e.executable, "live", dir)
	v.cmd.Stderr = e.stderr
	in, err := v.cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("serve the report: %w", err)
	}
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("serve the report: %w", err)
	}
	if err := v.cmd.Start(); err != nil {
		return nil, fmt.Errorf("serve the report: %w", err)
	}
	if v.url, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		in.Close()
		return nil, fmt.Errorf("serve the report: %w", cmp.Or(v.cmd.Wait(), err))
	}
	v.url = strings.TrimSpace(v.url)
	go v.pass(in)
	return v, nil
}

func (v *view) pass(in io.WriteCloser) {
	defer close(v.ended)
	defer in.Close()
	for line := range v.news {
		if _, err := fmt.Fprintln(in, line); err != nil {
			for range v.news { // the other process is gone, and the run goes on without it
			}
			return
		}
	}
}

// write writes the report as it is now. It takes time, so nothing may be loaded.
func (v *view) write() error {
	s, err := judge.SummarizeDir(v.run)
	if err != nil {
		return err
	}
	return site.WriteLive(v.dir, s)
}

// tell passes on an event, unless the other process is behind.
func (v *view) tell(event, text string) {
	text, _, _ = strings.Cut(text, "\n")
	select {
	case v.news <- strings.TrimSpace(event + " " + text):
	default:
	}
}

// end tells the pages that the run has ended, and waits for the other process.
func (v *view) end() {
	close(v.news)
	<-v.ended
	_ = v.cmd.Wait() // its pages have been told, or nobody listens
}
