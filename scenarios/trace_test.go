package scenarios

import (
	"fmt"
	"strings"
	"testing"
)

// A capture whose server was restarted goes on counting where it was; one that
// does not say so is refused.
func TestTraceOfRestart(t *testing.T) {
	const top = "unix_ms,master_repl_offset,run_id,master_replid,master_replid2\n"
	for _, c := range []struct{ rows, want string }{
		{"0,100,r,a,0\n1000,150,r,a,0\n2000,10,q,b,0\n3000,40,q,b,0\n", "0 50 50 80"},
		{"0,100,r,a,0\n1000,150,q,b,a\n2000,160,q,b,a\n", "0 50 60"},     // promoted: the history goes on
		{"0,100,r,a,0\n1000,150,q,b,0\n2000,160,q,b,0\n", "0 0 10"},      // another process, another history
		{"0,100,r,a,0\n1000,150,r,b,0\n2000,160,r,b,0\n", "0 50 60"},     // the id alone changed: the first replica came
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
