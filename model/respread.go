package model

// CommandReader reads the commands of a client, inline or as RESP arrays, from
// input that may be split anywhere; what it gives does not depend on the
// split. It is redis's own parser (networking.c: processInlineBuffer,
// processMultibulkBuffer) with its leniences: the line end of a count is CR
// and any byte, the two bytes behind an argument are not looked at, and a NUL
// hides the line end behind it, because redis looks for it with strchr.
//
// Memory follows the bytes received, never a length announced. The zero value
// is ready.
type CommandReader struct {
	buf []byte
	// start is the first byte of the command being read and at the next byte
	// to be looked at: 0 <= start <= at <= len(buf). What lies before start
	// was handed out.
	start, at int
	seen      int   // bytes from at on known to hold no line end
	left      int64 // arguments still missing; 0 between commands
	bulk      int64 // length of the argument being read, -1 until it is known
	skipped   int64 // bytes of empty commands since the last one handed out
	spans     []span
	args      [][]byte
	err       error
}

// span is one argument: offsets from start, because buf moves.
type span struct{ from, to int }

// Reset forgets everything but the memory it holds, for another connection.
func (r *CommandReader) Reset() {
	*r = CommandReader{buf: r.buf[:0], spans: r.spans[:0], args: r.args[:0]}
}

// Feed adds bytes in stream order; data is copied.
func (r *CommandReader) Feed(data []byte) {
	// Moving at most as many bytes as are dropped keeps the cost of a byte
	// constant, whoever feeds and however little.
	if r.start > len(r.buf)/2 {
		n := copy(r.buf, r.buf[r.start:])
		r.buf = r.buf[:n]
		r.at -= r.start
		r.start = 0
	}
	r.buf = append(r.buf, data...)
}

// Next gives the next whole command: its arguments with the name first, valid
// until the next Feed or Next, and wire, the bytes it took. ok is false when
// more input is needed. An empty line gives no arguments and ok: from a
// replica it is a sign of life. Arrays without arguments ("*0", "*-1") and
// lines of blanks are passed over as in redis; wire of what follows includes
// them, so the sum of wire is what was consumed.
//
// An error is a ProtocolError; redis closes the connection, and so every later
// Next gives it again.
func (r *CommandReader) Next() (args [][]byte, wire int64, ok bool, err error) {
	for r.err == nil {
		if r.left == 0 && r.at < len(r.buf) && r.buf[r.at] != '*' {
			args, empty, whole := r.inline()
			if !whole {
				break
			}
			if len(args) > 0 || empty {
				return args, r.handOut(), true, nil
			}
			r.skip()
			continue
		}
		if r.left == 0 {
			line, whole := r.countLine(ErrArgsTooBig)
			if !whole {
				break
			}
			if r.left, r.err = parseArgs(line); r.left <= 0 {
				r.left = 0
				r.skip()
				continue
			}
			r.bulk, r.spans = -1, r.spans[:0]
		}
		if !r.arguments() {
			break
		}
		return r.cutOut(), r.handOut(), true, nil
	}
	return nil, 0, false, r.err
}

// handOut moves past the command that ends at at and tells its length.
func (r *CommandReader) handOut() int64 {
	wire := r.skipped + int64(r.at-r.start)
	r.start, r.skipped = r.at, 0
	return wire
}

// skip moves past a command that is nobody's, and remembers its length.
func (r *CommandReader) skip() {
	r.skipped += int64(r.at - r.start)
	r.start = r.at
}

// lineEnd finds the byte end from at on: its distance, or false when it is not
// there yet. More than MaxLine bytes without it are the error tooBig.
func (r *CommandReader) lineEnd(end byte, tooBig ProtocolError) (int, bool) {
	rest := r.buf[r.at:]
	for i := r.seen; i < len(rest) && i <= MaxLine; i++ {
		switch rest[i] {
		case end:
			r.seen = i
			return i, true
		case 0: // never past a NUL, so that the next search stops here too
			r.seen = i
			if len(rest) > MaxLine {
				r.err = tooBig
			}
			return 0, false
		}
	}
	r.seen = max(r.seen, min(len(rest), MaxLine+1))
	if len(rest) > MaxLine {
		r.err = tooBig
	}
	return 0, false
}

// countLine takes the line of a count, without the CR that ends it and the
// byte behind that.
func (r *CommandReader) countLine(tooBig ProtocolError) ([]byte, bool) {
	n, ok := r.lineEnd('\r', tooBig)
	if !ok || r.at+n+2 > len(r.buf) {
		return nil, false
	}
	line := r.buf[r.at : r.at+n]
	r.at += n + 2
	r.seen = 0
	return line, true
}

// arguments reads the arguments of an array as far as they are here; it is
// true when none is missing.
func (r *CommandReader) arguments() bool {
	for r.left > 0 {
		if r.bulk < 0 {
			line, ok := r.countLine(ErrBulkTooBig)
			if !ok {
				return false
			}
			if r.bulk, r.err = parseBulk(line); r.err != nil {
				return false
			}
		}
		if int64(len(r.buf)-r.at) < r.bulk+2 {
			return false
		}
		from := r.at - r.start
		r.spans = append(r.spans, span{from, from + int(r.bulk)})
		r.at += int(r.bulk) + 2
		r.bulk = -1
		r.left--
	}
	return true
}

// cutOut gives the arguments found as slices of buf.
func (r *CommandReader) cutOut() [][]byte {
	r.args = r.args[:0]
	for _, s := range r.spans {
		r.args = append(r.args, r.buf[r.start+s.from:r.start+s.to:r.start+s.to])
	}
	return r.args
}

// inline takes one line and splits it into words; empty says that nothing at
// all stood in it.
func (r *CommandReader) inline() (args [][]byte, empty, whole bool) {
	n, ok := r.lineEnd('\n', ErrInlineTooBig)
	if !ok {
		return nil, false, false
	}
	line := r.buf[r.at : r.at+n]
	if n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if r.args, ok = splitArgs(r.args[:0], line); !ok {
		r.err = ErrQuotes
		return nil, false, false
	}
	r.at += n + 1
	r.seen = 0
	return r.args, len(line) == 0, true
}

// splitArgs splits a line into words as redis's sdssplitargs (sds.c) does,
// undoing quotes in place: a word never grows. It is false for a quote that is
// not closed, or closed in front of something else than a blank.
func splitArgs(args [][]byte, line []byte) ([][]byte, bool) {
	for at := 0; ; {
		for at < len(line) && isSpace(line[at]) {
			at++
		}
		if at == len(line) {
			return args, true
		}
		from, to := at, at // the word so far, written over what was read
		for at < len(line) && !endsWord(line[at]) {
			c := line[at]
			at++
			if c != '"' && c != '\'' {
				line[to] = c
				to++
				continue
			}
			n, written, ok := unquote(line[to:], line[at:], c)
			if !ok {
				return nil, false
			}
			at += n
			to += written
			break // a closing quote ends the word
		}
		args = append(args, line[from:to:to])
	}
}

// unquote reads src up to and with the closing quote and writes what it means
// to dst, which may be the same memory further left. It gives the bytes read
// and written.
func unquote(dst, src []byte, quote byte) (read, written int, ok bool) {
	for read < len(src) {
		c := src[read]
		read++
		if c == quote {
			return read, written, read == len(src) || isSpace(src[read])
		}
		if c == '\\' && read < len(src) && (quote == '"' || src[read] == '\'') {
			var n int
			c, n = unescape(src[read:], quote)
			read += n
		}
		dst[written] = c
		written++
	}
	return 0, 0, false
}

// unescape gives the byte that an escape means, and how many bytes behind the
// backslash it takes. s is not empty. Single quotes know only \'.
func unescape(s []byte, quote byte) (byte, int) {
	if quote == '\'' {
		return s[0], 1
	}
	switch s[0] {
	case 'x':
		if len(s) >= 3 && hexValue(s[1]) < 16 && hexValue(s[2]) < 16 {
			return hexValue(s[1])<<4 | hexValue(s[2]), 3
		}
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	}
	return s[0], 1
}

// hexValue is the value of a hexadecimal digit, or 16.
func hexValue(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 16
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// endsWord is what ends a word without quotes: not all that isSpace skips.
func endsWord(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// Empty says that no part of a command waits for the rest of it.
func (r *CommandReader) Empty() bool {
	return r.err == nil && r.start == len(r.buf) && r.left == 0 && r.skipped == 0
}
