package rdb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
)

const typeString = 0

// ErrCut is a snapshot that ends too early.
var ErrCut = errors.New("rdb: the snapshot ends too early")

// MaxVersion is the newest format whose strings are known to be read right.
const MaxVersion = 12

// Read reads a whole snapshot and gives its keys to put in the order in which
// they stand, and its aux fields.
func Read(b []byte, put func(Key)) ([]Aux, error) {
	r := reader{b: b}
	version, err := r.header()
	if err != nil {
		return nil, err
	}
	var aux []Aux
	k := Key{}
	for r.err == nil {
		switch op := r.byte(); op {
		case opEOF:
			return aux, r.end(version)
		case opAux:
			a := Aux{Name: r.str()}
			a.Value = r.str()
			aux = append(aux, a)
		case opSelectDB:
			k.DB = int(r.length())
		case opResizeDB:
			r.length()
			r.length()
		case opSlotInfo:
			r.length()
			r.length()
			r.length()
		case opFunction2:
			r.str() // a library's source: not data
		case opIdle:
			r.length()
		case opFreq:
			r.byte()
		case opExpireMS:
			k.ExpireMS = int64(binary.LittleEndian.Uint64(r.take(8)))
		case opExpireS:
			k.ExpireMS = int64(binary.LittleEndian.Uint32(r.take(4))) * 1000
		case typeString:
			k.Name = r.str()
			k.Value = r.str()
			if r.err == nil {
				put(k)
			}
			k.ExpireMS = 0
		default:
			if r.err == nil {
				r.err = unsupported(op, &r)
			}
		}
	}
	return aux, r.err
}

func unsupported(op byte, r *reader) error {
	switch op {
	case opModuleAux, opFunction:
		return fmt.Errorf("rdb: module data is not supported")
	}
	name := r.str()
	return fmt.Errorf("rdb: key %.40q is no string (type %d): not supported", name, op)
}

// reader reads the parts of a snapshot; after an error all it gives is zero.
type reader struct {
	b   []byte
	at  int
	err error
}

func (r *reader) header() (version int, err error) {
	h := r.take(9)
	if r.err != nil {
		return 0, r.err
	}
	version, err = strconv.Atoi(string(h[5:]))
	if string(h[:5]) != "REDIS" || err != nil || version < 1 {
		return 0, fmt.Errorf("rdb: no snapshot begins with %q", h)
	}
	if version > MaxVersion {
		return 0, fmt.Errorf("rdb: format version %d is newer than %d", version, MaxVersion)
	}
	return version, nil
}

// end checks what follows the last key. A checksum of zero was not computed.
func (r *reader) end(version int) error {
	if r.err != nil {
		return r.err
	}
	body := r.b[:r.at]
	if version >= 5 {
		sum := binary.LittleEndian.Uint64(r.take(8))
		if r.err != nil {
			return r.err
		}
		if sum != 0 && sum != checksum(body) {
			return errors.New("rdb: wrong checksum")
		}
	}
	if r.at != len(r.b) {
		return fmt.Errorf("rdb: %d bytes behind the end", len(r.b)-r.at)
	}
	return nil
}

var zeros [9]byte

// take gives the next n bytes; n above 8 must have been checked against left.
func (r *reader) take(n int) []byte {
	if r.err != nil || len(r.b)-r.at < n {
		if r.err == nil {
			r.err = ErrCut
		}
		return zeros[:min(n, len(zeros))]
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

func (r *reader) byte() byte { return r.take(1)[0] }

// number reads a length, or the kind of a specially encoded string.
func (r *reader) number() (n uint64, special bool) {
	c := r.byte()
	switch c >> 6 {
	case 0:
		return uint64(c & 63), false
	case 1:
		return uint64(c&63)<<8 | uint64(r.byte()), false
	case 3:
		return uint64(c & 63), true
	}
	switch c {
	case 0x80:
		return uint64(binary.BigEndian.Uint32(r.take(4))), false
	case 0x81:
		return binary.BigEndian.Uint64(r.take(8)), false
	}
	r.fail("rdb: %#x is no length", c)
	return 0, false
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) length() uint64 {
	n, special := r.number()
	if special {
		r.fail("rdb: a string where a length is due")
	}
	return n
}

// str reads a string: plain, a number, or compressed.
func (r *reader) str() string {
	n, special := r.number()
	if !special {
		return string(r.bytes(n))
	}
	switch n {
	case 0:
		return strconv.Itoa(int(int8(r.byte())))
	case 1:
		return strconv.Itoa(int(int16(binary.LittleEndian.Uint16(r.take(2)))))
	case 2:
		return strconv.Itoa(int(int32(binary.LittleEndian.Uint32(r.take(4)))))
	case 3:
		packed, size := r.length(), r.length()
		src := r.bytes(packed)
		if r.err != nil {
			return ""
		}
		out, ok := unpack(src, size)
		if !ok {
			r.fail("rdb: a compressed string is broken")
		}
		return string(out)
	}
	r.fail("rdb: unknown string encoding %d", n)
	return ""
}

func (r *reader) bytes(n uint64) []byte {
	if n > uint64(len(r.b)-r.at) {
		if r.err == nil {
			r.err = ErrCut
		}
		return nil
	}
	return r.take(int(n))
}

// unpack undoes LZF (lzf_d.c). size is what must come out; no input of LZF
// means more than 264 bytes of output for 3 of its own, so that an announced
// size is believed no further.
func unpack(src []byte, size uint64) ([]byte, bool) {
	if size > uint64(len(src))*264 {
		return nil, false
	}
	out := make([]byte, 0, size)
	for i := 0; i < len(src); {
		c := int(src[i])
		i++
		if c < 32 { // c+1 bytes as they are
			if i+c+1 > len(src) {
				return nil, false
			}
			out = append(out, src[i:i+c+1]...)
			i += c + 1
		} else { // a copy of what came out before
			n := c >> 5
			if n == 7 {
				if i >= len(src) {
					return nil, false
				}
				n += int(src[i])
				i++
			}
			if i >= len(src) {
				return nil, false
			}
			from := len(out) - (c&31)<<8 - int(src[i]) - 1
			i++
			if from < 0 {
				return nil, false
			}
			for j := range n + 2 { // byte by byte: source and copy may overlap
				out = append(out, out[from+j])
			}
		}
		if uint64(len(out)) > size {
			return nil, false
		}
	}
	return out, uint64(len(out)) == size
}
