package live

// WholeCloses says that processes close both directions of a connection at once, as
// servers do: what arrives for one that has closed nobody reads, and the tap does not
// hear of it. How much that is depends on how soon the proxy sees the end.
func (p *Proxy) WholeCloses() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.whole = true
}

func (p *Proxy) closesWhole() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.whole
}

// breakGone breaks the connections of which one end has closed while nothing passed.
// What the other end said meanwhile would be answered with a reset, and what the one
// that closed had still to send would race with it: a network may deliver all of that,
// some or nothing; here it is nothing, every time.
func (p *Proxy) breakGone() {
	if !p.whole || !p.silent {
		return
	}
	for w := range p.wires {
		for i, c := range w.ends {
			if c != nil && gone(c) {
				p.ended(w, DialerEnded+Ender(i))
				w.kill()
				delete(p.wires, w)
				break
			}
		}
	}
}
