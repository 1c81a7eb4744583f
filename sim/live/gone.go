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
