package main

import (
	"encoding/json"

	"psyncsim/sim/live/observe"
)

// observedJSON is one master in observe --json: what was sampled, and what it
// cost the server. Times are seconds.
type observedJSON struct {
	File        string  `json:"file"`
	Address     string  `json:"address"`
	Role        string  `json:"role"`
	Samples     int     `json:"samples"`
	Took        float64 `json:"took_s"`
	Gaps        int     `json:"gaps"`
	LongestGap  float64 `json:"longest_gap_s"`
	Infos       int     `json:"infos"`
	Others      int     `json:"other_questions"`
	Connects    int     `json:"connects"`
	Sent        int64   `json:"sent_bytes"`
	Received    int64   `json:"received_bytes"`
	MeanAnswer  float64 `json:"mean_answer_s"`
	WorstAnswer float64 `json:"worst_answer_s"`
	Interrupted bool    `json:"interrupted"`

	Traps   []string `json:"traps"`
	GivenUp string   `json:"given_up,omitempty"`
	Error   string   `json:"error,omitempty"`
}

func observedOf(name string, r *observe.Report, traps []string, err error) observedJSON {
	o := observedJSON{
		File: name, Address: r.Addr, Role: r.Role, Samples: r.Rows, Took: r.Took.Seconds(), Gaps: r.Gaps, LongestGap: r.Longest.Seconds(),
		Infos: r.Infos, Others: r.Others, Connects: r.Connects, Sent: r.Sent, Received: r.Received,
		WorstAnswer: r.Slowest.Seconds(), Interrupted: r.Interrupted, Traps: append([]string{}, traps...),
	}
	if r.Rows > 0 {
		o.MeanAnswer = r.Spent.Seconds() / float64(r.Rows)
	}
	if r.Gone != nil {
		o.GivenUp = r.Gone.Error()
	}
	if err != nil {
		o.Error = err.Error()
	}
	return o
}

// observedJSON prints what all masters came to.
func (c *commands) observedJSON(targets []target) error {
	doc := struct {
		Masters []observedJSON `json:"masters"`
	}{[]observedJSON{}}
	for i := range targets {
		t := &targets[i]
		doc.Masters = append(doc.Masters, observedOf(t.name, &t.report, t.traps, t.err))
	}
	e := json.NewEncoder(c.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}
