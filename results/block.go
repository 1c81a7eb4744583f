package results

// Block is neighbouring runs made ready for a [Writer]: the text of their rows, and
// their sums. Who plays the runs makes it, so that the one who writes has nothing to do
// but to put blocks one behind the other. It is for one goroutine at a time, and used
// again after Reset.
type Block struct {
	runs, resyncs rows
	prints        []byte // the fingerprints, a line each
	head          Kept   // counts of these runs
	points        Points
	asJSON        bool
	json          []byte // of [JSON], a comma before each run
}

// NewBlock makes a block for a sweep with these axes; asJSON: for a [JSON] too.
func NewBlock(axes []Axis, asJSON bool) *Block {
	l := newLayout(axes)
	return &Block{runs: newRows(nil, l), resyncs: newRows(nil, l), asJSON: asJSON}
}

// Reset makes it ready for other runs.
func (b *Block) Reset() {
	b.runs.line, b.resyncs.line, b.prints, b.json = b.runs.line[:0], b.resyncs.line[:0], b.prints[:0], b.json[:0]
	b.head = Kept{}
	b.points.reset()
}

// Len is how many runs it holds.
func (b *Block) Len() int { return b.head.Done }

// Add adds a run, the next one of the sweep. It keeps nothing of it.
func (b *Block) Add(r *Run) {
	b.runs.run(&r.Row)
	for i := range r.Resyncs {
		b.resyncs.resync(&r.Meta, &r.Resyncs[i])
	}
	b.prints = append(append(b.prints, r.Fingerprint...), '\n')
	b.points.Add(&r.Row)
	b.head.add(&r.Row)
	b.head.Only = nil
	if b.head.Done == 1 {
		b.head.Only = r.Clone()
	}
	if b.asJSON {
		b.json = appendJSONRun(append(b.json, ','), r)
	}
}

// WriteBlock adds the runs of a block behind those that are there.
func (w *Writer) WriteBlock(b *Block) error {
	if w.err == nil {
		w.err = w.runs.behind(b.runs.line)
	}
	if w.err == nil {
		w.err = w.resyncs.behind(b.resyncs.line)
	}
	w.kept.join(&b.head)
	w.points.join(&b.points)
	w.all.Write(b.prints)
	return w.err
}

// behind adds finished rows.
func (r *rows) behind(text []byte) error {
	if len(r.line)+len(text) > rowsBlock {
		r.flush()
	}
	r.line = append(r.line, text...)
	return r.err
}

// join counts the runs of o behind those of k.
func (k *Kept) join(o *Kept) {
	if o.Done == 0 {
		return
	}
	only := o.Only
	if k.Done > 0 {
		only = nil
	}
	if k.Done == 0 || o.SeedFirst < k.SeedFirst {
		k.SeedFirst = o.SeedFirst
	}
	if k.Done == 0 || o.SeedLast > k.SeedLast {
		k.SeedLast = o.SeedLast
	}
	k.Done += o.Done
	k.Only = only
	for name, n := range o.Warnings {
		k.warn(name, n)
	}
}

// warn counts a warning n times.
func (k *Kept) warn(name string, n int64) {
	if k.Warnings == nil {
		k.Warnings = make(map[string]int64)
	}
	k.Warnings[name] += n
}

// join adds the sums of o behind those of ps, which keeps points of o that are new.
func (ps *Points) join(o *Points) {
	for i, p := range o.All {
		key := o.keys[i]
		if q := ps.index[key]; q != nil {
			q.join(p)
		} else {
			ps.keep(key, p)
		}
	}
}

// join adds the sums of o, which is the same point.
func (p *Point) join(o *Point) {
	p.Runs += o.Runs
	p.Quiet += o.Quiet
	p.Reconnects += o.Reconnects
	p.Fulls += o.Fulls
	p.FullRuns += o.FullRuns
	for i := range o.Reasons {
		p.Reasons[i] += o.Reasons[i]
	}
	p.GapMax = max(p.GapMax, o.GapMax)
	p.DownMax = max(p.DownMax, o.DownMax)
}

// Clone is a copy that shares nothing that a collector will use again.
func (r *Run) Clone() *Run {
	c := *r
	c.Resyncs = append([]Resync(nil), r.Resyncs...)
	c.Infos, c.Asked = append([]ServerInfo(nil), r.Infos...), append([]AskedInfo(nil), r.Asked...)
	c.Warnings = append([]string(nil), r.Warnings...)
	return &c
}
