package proc_test

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/benchctl/benchctl/servers/control/proc"
)

func TestHomes(t *testing.T) {
	const v2 = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	for _, c := range []struct {
		name, groups, mounts string
		want                 []proc.Home
	}{
		{name: "nothing is told"},
		{
			name: "both versions", groups: "2:cpuacct:/\n1:cpu:/jobs\n0::/\n",
			mounts: "33 31 0:30 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n" + v2,
			want: []proc.Home{
				{Controllers: []string{"cpuacct"}, Mount: "sys/fs/cgroup/cpuacct", Dir: "sys/fs/cgroup/cpuacct", Seen: true},
				{Unified: true, Mount: "sys/fs/cgroup/unified", Dir: "sys/fs/cgroup/unified", Seen: true},
			},
		},
		{
			name: "two controllers of one hierarchy", groups: "1:cpu,cpuacct:/a/b\n",
			mounts: "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n",
			want: []proc.Home{{
				Controllers: []string{"cpu", "cpuacct"}, Mount: "sys/fs/cgroup/cpu,cpuacct", Dir: "sys/fs/cgroup/cpu,cpuacct/a/b", Seen: true,
			}},
		},
		{
			name: "the mount is the group", groups: "0::/docker/x\n", mounts: "30 20 0:26 /docker/x /cg ro - cgroup2 cgroup2 rw\n",
			want: []proc.Home{{Unified: true, Mount: "cg", Dir: "cg", Seen: true}},
		},
		{
			name: "another group is mounted", groups: "0::/docker/xy\n", mounts: "30 20 0:26 /docker/x /cg ro - cgroup2 cgroup2 rw\n",
			want: []proc.Home{{Unified: true, Mount: "cg", Dir: "cg"}},
		},
		{
			name: "above the namespace", groups: "0::/../y\n", mounts: v2,
			want: []proc.Home{{Unified: true, Mount: "sys/fs/cgroup/unified", Dir: "sys/fs/cgroup/unified"}},
		},
		{name: "nonsense", groups: "\n::\nx\n", mounts: "\n - \n1 2 3 4 5 - cgroup x\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := fstest.MapFS{}
			if c.groups != "" {
				root["proc/self/cgroup"] = &fstest.MapFile{Data: []byte(c.groups)}
				root["proc/self/mountinfo"] = &fstest.MapFile{Data: []byte(c.mounts)}
			}
			same := func(a, b proc.Home) bool {
				return a.Unified == b.Unified && slices.Equal(a.Controllers, b.Controllers) && a.Mount == b.Mount && a.Dir == b.Dir && a.Seen == b.Seen
			}
			if got := proc.Homes(root); !slices.EqualFunc(got, c.want, same) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}
