package scenarios

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"psyncsim/sim"
)

// A capture whose server was restarted goes on counting where it was; one that
// does not say so is refused.
func TestTraceOfRestart(t *testing.T) {
	const top = "unix_ms,master_repl_offset,run_id,master_replid,master_replid2\n"
	for _, c := range []struct{ rows, want string }{
		{"0,100,r,a,0\n1000,150,r,a,0\n2000,10,q,b,0\n3000,40,q,b,0\n", "0 50 90 120"},
		{"0,100,r,a,0\n1000,150,q,b,a\n2000,160,q,b,a\n", "0 50 60"},                        // promoted: the history goes on
		{"0,100,r,a,0\n1000,150,q,b,0\n2000,160,q,b,0\n", "0 10 20"},                        // another process, another history: the mean of the rest
		{"0,100,r,a,0\n1000,150,r,b,0\n2000,160,r,b,0\n", "0 50 60"},                        // the id alone changed: the first replica came
		{"0,100,r,a,0\n1000,150,r,a,0\n61000,10,q,b,0\n62000,80,q,b,0\n", "0 50 3650 3720"}, // a minute of nothing would be one without any need
		{"0,100,r,a,0\n1000,150,q,b,0\n", "0 0"},                                            // nothing is known at all
		{"0,0,r,a,0\n1,1000000000000000000,r,a,0\n2000000000,5,q,b,0\n", "0 1000000000000000000 1000000000000000000"},
		{"0,100,,,\n1000,50,,,\n", "master_repl_offset goes back"},       // nothing says why
		{"0,100,r,a,0\n1000,50,r,a,0\n", "master_repl_offset goes back"}, // and it must not
	} {
		points, problem := ReadTrace("f.csv", []byte(top+c.rows))
		var got []string
		for _, p := range points {
			got = append(got, fmt.Sprint(p.Bytes))
		}
		text := strings.Join(got, " ")
		if problem != nil {
			text = problem.Want
		}
		if !strings.Contains(text, c.want) {
			t.Errorf("%q: %q, not %q", c.rows, text, c.want)
		}
	}
}

func TestWindowOfATrace(t *testing.T) {
	trace := []sim.TracePoint{{At: 0, Bytes: 0}, {At: 10, Bytes: 100}, {At: 20, Bytes: 100}, {At: 30, Bytes: 1000}}
	for _, x := range []struct {
		start, length time.Duration
		want          []sim.TracePoint
	}{
		{0, 20, []sim.TracePoint{{}, {At: 10, Bytes: 100}, {At: 20, Bytes: 100}}},
		{5, 10, []sim.TracePoint{{}, {At: 5, Bytes: 50}, {At: 15, Bytes: 50}}},
		{25, 20, []sim.TracePoint{{}, {At: 5, Bytes: 450}, {At: 5, Bytes: 450}, {At: 15, Bytes: 550}, {At: 25, Bytes: 550}}},
		{10, 65, []sim.TracePoint{{}, {At: 10, Bytes: 0}, {At: 20, Bytes: 900}, {At: 20, Bytes: 900}, {At: 30, Bytes: 1000}, {At: 40, Bytes: 1000},
			{At: 50, Bytes: 1900}, {At: 50, Bytes: 1900}, {At: 60, Bytes: 2000}, {At: 70, Bytes: 2000}}},
	} {
		if got := AppendWindow(nil, trace, x.start, x.length); !slices.Equal(got, x.want) {
			t.Errorf("from %d for %d: %v, want %v", x.start, x.length, got, x.want)
		}
	}
}
