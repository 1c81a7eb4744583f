package results

import (
	"encoding/json"
	"fmt"
	"io"
)

// ShardFile tells which part of a sweep a folder holds. It is absent where the
// whole is.
const ShardFile = "shard.json"

// Shard is one of the parts that a sweep was cut into: the runs [First, Last)
// of all.
type Shard struct {
	Index   int      `json:"shard"` // from 1
	Of      int      `json:"of"`
	First   int      `json:"first_run"`
	Last    int      `json:"next_run"` // the first of the shard behind
	Runs    int      `json:"runs_of_all"`
	Program string   `json:"program,omitempty"` // which build of the program ran it
	Fulls   bool     `json:"full_resyncs"`      // there is a run with a full resynchronization
	Failed  []string `json:"failed,omitempty"`  // expectations that did not hold, as they were printed
	// Files are the SHA-256 of the part's files, so that a part which was cut off or
	// changed on its way is noticed. Rows count as CSV, whatever they are kept as.
	Files map[string]string `json:"sha256"`
}

// Equal says whether both are the same part; nil is the whole.
func (s *Shard) Equal(t *Shard) bool {
	if s == nil || t == nil {
		return s == t
	}
	return s.Index == t.Index && s.Of == t.Of && s.First == t.First && s.Last == t.Last && s.Runs == t.Runs
}

// String is how a part is called: 3/8.
func (s *Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

func (s *Shard) write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(s)
}

func readShard(r io.Reader) (*Shard, error) {
	s := &Shard{}
	if err := json.NewDecoder(r).Decode(s); err != nil {
		return nil, err
	}
	if s.Index < 1 || s.Index > s.Of || s.First < 0 || s.Last < s.First || s.Last > s.Runs {
		return nil, fmt.Errorf("%+v is no part of a sweep", *s)
	}
	return s, nil
}

// NameOf is the name of the scenario that a folder of results is of.
func NameOf(dir string) (string, error) {
	k, _, err := openHead(dir)
	if err != nil {
		return "", err
	}
	return k.Scenario, nil
}
