package results

import (
	"fmt"
	"strconv"
	"strings"
)

// appendSeconds writes nanoseconds as seconds: exact, no trailing zeros, at
// least min decimals.
func appendSeconds(b []byte, ns int64, min int) []byte {
	u := uint64(ns)
	if ns < 0 {
		b = append(b, '-')
		u = -u
	}
	b = strconv.AppendUint(b, u/1e9, 10)
	var d [9]byte
	frac := u % 1e9
	for i := 8; i >= 0; i-- {
		d[i] = byte('0' + frac%10)
		frac /= 10
	}
	n := 9
	for n > min && d[n-1] == '0' {
		n--
	}
	if n > 0 {
		b = append(b, '.')
		b = append(b, d[:n]...)
	}
	return b
}

// Seconds is ns nanoseconds as exact decimal seconds.
func Seconds(ns int64) string { return string(appendSeconds(nil, ns, 0)) }

// parseSeconds reads what appendSeconds wrote.
func parseSeconds(s string) (int64, error) {
	bad := func() (int64, error) { return 0, fmt.Errorf("%q is not a number of seconds", s) }
	t, neg := strings.CutPrefix(s, "-")
	whole, frac, dot := strings.Cut(t, ".")
	if whole == "" || len(frac) > 9 || dot && frac == "" {
		return bad()
	}
	w, err := strconv.ParseUint(whole, 10, 64)
	if err != nil || w > 9223372036 {
		return bad()
	}
	f := uint64(0)
	if frac != "" {
		if f, err = strconv.ParseUint((frac + "000000000")[:9], 10, 64); err != nil {
			return bad()
		}
	}
	u := w*1e9 + f
	switch {
	case neg && u <= 1<<63:
		return -int64(u), nil
	case !neg && u < 1<<63:
		return int64(u), nil
	}
	return bad()
}

// appendValue writes a value in base units, as files have it.
func appendValue(b []byte, v Value, minDecimals int) []byte {
	switch {
	case v.Text != "":
		return append(b, v.Text...)
	case v.Unit == "s":
		return appendSeconds(b, v.Number, minDecimals)
	}
	return strconv.AppendInt(b, v.Number, 10)
}

// parseValue reads what appendValue wrote.
func parseValue(a Axis, s string) Value {
	v := Value{Name: a.Name, Unit: a.Unit}
	var err error
	if a.Unit == "s" {
		v.Number, err = parseSeconds(s)
	} else {
		v.Number, err = strconv.ParseInt(s, 10, 64)
	}
	if err != nil {
		v.Number, v.Text = 0, s
	}
	return v
}

// Pretty is a value for people: "1 MiB", "700 kB/s", "4.5 s", "reset".
func (v Value) Pretty() string {
	switch {
	case v.Text != "":
		return oneLine(v.Text)
	case v.Unit == "bytes":
		return PrettyBytes(v.Number)
	case v.Unit == "bytes_per_s":
		return PrettyRate(v.Number)
	case v.Unit == "s":
		return PrettyDuration(v.Number)
	case v.Unit == "per_s":
		return strconv.FormatInt(v.Number, 10) + "/s"
	case v.Unit == "ppb": // a share
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatInt(v.Number/1e7, 10)+"."+strconv.FormatInt(1e7+v.Number%1e7, 10)[1:], "0"), ".") + " %"
	case v.Unit != "":
		return strconv.FormatInt(v.Number, 10) + " " + v.Unit
	}
	return strconv.FormatInt(v.Number, 10)
}

var (
	binaryUnits  = []unit{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}}
	decimalUnits = []unit{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}}
)

type unit struct {
	size int64
	name string
}

// PrettyBytes writes an amount of bytes in the unit that says it shortest;
// exactly if two decimals can, otherwise rounded.
func PrettyBytes(n int64) string {
	if n < 0 {
		return "-" + PrettyBytes(-max(n, -1<<63+1))
	}
	bin, binExact := scaled(n, binaryUnits)
	dec, decExact := scaled(n, decimalUnits)
	switch {
	case decExact && (!binExact || len(dec) < len(bin)):
		return dec
	default:
		return bin
	}
}

// BinaryBytes is the same in powers of two only, for use beside an axis that is
// marked in them.
func BinaryBytes(n int64) string {
	if n < 0 {
		return "-" + BinaryBytes(-max(n, -1<<63+1))
	}
	s, _ := scaled(n, binaryUnits)
	return s
}

// PrettyRate is the same for bytes a second, where powers of ten are usual.
func PrettyRate(n int64) string {
	if n < 0 {
		return "-" + PrettyRate(-max(n, -1<<63+1))
	}
	bin, binExact := scaled(n, binaryUnits)
	dec, decExact := scaled(n, decimalUnits)
	if binExact && (!decExact || len(bin) < len(dec)) {
		return bin + "/s"
	}
	return dec + "/s"
}

// scaled writes n in the largest unit that leaves a whole part.
func scaled(n int64, units []unit) (text string, exact bool) {
	for _, u := range units {
		if n < u.size {
			continue
		}
		whole, rest := n/u.size, n%u.size
		// The rest in hundredths, rounded; sizes stay below 2^40, so it fits.
		hundredths := (rest*100 + u.size/2) / u.size
		exact = rest*100%u.size == 0
		if whole >= 100 && !exact {
			hundredths = (hundredths + 50) / 100 * 100
		}
		whole, hundredths = whole+hundredths/100, hundredths%100
		return decimals(whole, hundredths) + " " + u.name, exact
	}
	return strconv.FormatInt(n, 10) + " B", true
}

func decimals(whole, hundredths int64) string {
	s := strconv.FormatInt(whole, 10)
	switch {
	case hundredths == 0:
	case hundredths%10 == 0:
		s += "." + strconv.FormatInt(hundredths/10, 10)
	default:
		s += "." + string([]byte{byte('0' + hundredths/10), byte('0' + hundredths%10)})
	}
	return s
}

// PrettyDuration writes nanoseconds in the unit a person would use, with at
// most three decimals.
func PrettyDuration(ns int64) string {
	if ns < 0 {
		return "-" + PrettyDuration(-max(ns, -1<<63+1))
	}
	switch {
	case ns == 0:
		return "0 s"
	case ns < 1e3:
		return strconv.FormatInt(ns, 10) + " ns"
	case ns < 1e6:
		return Seconds((ns+500)/1e3*1e6) + " ms"
	case ns < 1e9:
		return Seconds((ns+500)/1e3*1e6) + " ms"
	case ns >= 7200e9 && ns%3600e9 == 0:
		return strconv.FormatInt(ns/3600e9, 10) + " h"
	case ns >= 120e9 && ns%60e9 == 0:
		return strconv.FormatInt(ns/60e9, 10) + " min"
	}
	return Seconds((ns+5e5)/1e6*1e6) + " s"
}
