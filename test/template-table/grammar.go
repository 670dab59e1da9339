package main

import (
	"fmt"
	"math"
	"math/rand"
	"strconv"
	"strings"
)

// grammar makes templates. Most are meant to be valid and of matching types; some are wild; a few
// are damaged.
type grammar struct {
	*rand.Rand
	depth     int
	variables []string
	loops     int
	templates []string
}

func (g *grammar) one(of ...string) string { return of[g.Intn(len(of))] }
func (g *grammar) percent(p int) bool      { return g.Intn(100) < p }

func (g *grammar) weighted(weights ...int) int {
	total := 0
	for _, w := range weights {
		total += w
	}
	at := g.Intn(total)
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return 0
}

func (g *grammar) template() string {
	g.depth, g.variables, g.loops, g.templates = 0, nil, 0, nil
	var b strings.Builder
	if g.percent(15) {
		for range 1 + g.Intn(2) {
			name := g.one("a", "b", "T1", "pathPattern", "", "with \\\"quotes\\\"")
			saved := g.variables
			g.variables = nil
			b.WriteString(g.open("define \""+name+"\"") + g.list() + g.open("end"))
			g.variables = saved
			g.templates = append(g.templates, name)
		}
	}
	b.WriteString(g.list())
	text := b.String()
	if g.percent(7) {
		text = g.damage(text)
	}
	return text
}

// damage drops, doubles or exchanges characters, so that the parser has something to complain
// about.
func (g *grammar) damage(text string) string {
	runes := []rune(text)
	for range 1 + g.Intn(2) {
		if len(runes) == 0 {
			break
		}
		at := g.Intn(len(runes))
		switch g.Intn(4) {
		case 0:
			runes = append(runes[:at:at], runes[at+1:]...)
		case 1:
			runes = append(runes[:at:at], append([]rune{runes[at]}, runes[at:]...)...)
		case 2:
			runes[at] = []rune("{}()|.$\"'`-:=,%\\ \n0xé#@!~\x00")[g.Intn(25)]
		case 3:
			runes = runes[:at]
		}
	}
	return string(runes)
}

func (g *grammar) list() string {
	var b strings.Builder
	for range g.weighted(0, 6, 3, 1) {
		if g.percent(40) {
			b.WriteString(g.text())
		}
		b.WriteString(g.node())
	}
	if g.percent(30) {
		b.WriteString(g.text())
	}
	return b.String()
}

func (g *grammar) text() string {
	return g.one("/", "-", "_", "a b", " ", "  \n ", "\n", "\t", "x\n\ty ", "é", "{ ", "}", "%d", "}}", "☃", " - ", "a{{/* c */}}b",
		"a {{- /* c */ -}} b", "{{/* multi\nline */}}", "ns/", "\r\n")
}

// open is an action, sometimes with trim markers.
func (g *grammar) open(inside string) string {
	left, right := "{{", "}}"
	if g.percent(40) {
		left, right = "{{ ", " }}"
	}
	if g.percent(12) {
		left = g.one("{{- ", "{{-\n", "{{-\t", "{{- ")
	}
	if g.percent(12) {
		right = g.one(" -}}", "\n-}}", "\t-}}")
	}
	return left + inside + right
}

func (g *grammar) node() string {
	if g.depth > 3 {
		return g.open(g.pipe())
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.weighted(400, 110, 80, 90, 70, 40, 40, 30, 25, 8) {
	case 0:
		return g.open(g.pipe())
	case 1:
		return g.declare()
	case 2:
		return g.ifNode()
	case 3:
		return g.rangeNode()
	case 4:
		return g.withNode()
	case 5:
		if len(g.templates) > 0 && g.percent(85) {
			return g.open("template \"" + g.templates[g.Intn(len(g.templates))] + "\" " + g.one("", ".", g.any()))
		}
		return g.open("template " + g.one("\"none\"", "\"a\" .", "`b` .PVC", "\"a\" 1 2"))
	case 6:
		saved := g.variables
		pipe := g.pipe()
		g.variables = nil
		body := g.list()
		g.variables = saved
		name := g.one("blk", "blk2", "a")
		g.templates = append(g.templates, name)
		return g.open("block \""+name+"\" "+pipe) + body + g.open("end")
	case 7:
		if g.loops > 0 || g.percent(4) {
			return g.open("if "+g.boolean()) + g.open(g.one("break", "continue")) + g.open("end")
		}
		return g.open(g.pipe())
	case 8:
		if g.percent(35) {
			return g.open(g.soup())
		}
		return g.open(g.wild())
	default:
		return g.one("{{end}}", "{{else}}", "{{}}", "{{.}}{{", "{{break}}", "{{continue}}", "{{nil}}", "{{define \"q\"}}{{end}}", "{{template}}", "{{/*", "{{if}}{{end}}",
			"{{range $i, $j, $k := .PVC.Labels}}{{end}}", "{{$x, $y := 1}}", "{{.PVC | 1}}", "{{foo}}", "{{$nope}}", "{{(1}}", "{{1)}}", "{{\"a\n\"}}", "{{'ab'}}", "{{. .}}")
	}
}

func (g *grammar) declare() string {
	name := g.one("$x", "$y", "$z", "$long_name1", "$é")
	if len(g.variables) > 0 && g.percent(40) {
		return g.open(g.variables[g.Intn(len(g.variables))] + g.one(" = ", " =") + g.pipe())
	}
	text := g.open(name + g.one(" := ", ":=", " :=") + g.pipe())
	g.variables = append(g.variables, name)
	return text
}

func (g *grammar) scope(body func() string) string {
	saved := len(g.variables)
	defer func() { g.variables = g.variables[:saved] }()
	return body()
}

func (g *grammar) ifNode() string {
	return g.scope(func() string {
		head := g.boolean()
		if g.percent(15) {
			head = "$x := " + head
			g.variables = append(g.variables, "$x")
		}
		text := g.open("if "+head) + g.list()
		for g.percent(25) {
			text += g.open("else if "+g.boolean()) + g.list()
		}
		if g.percent(45) {
			text += g.open("else") + g.list()
		}
		return text + g.open("end")
	})
}

func (g *grammar) withNode() string {
	return g.scope(func() string {
		head := g.one(g.any(), g.any(), ".PVC", ".PVC.Labels", ".PVC.OwnerReferences", ".PVC.CreationTimestamp", ".PVC.DeletionTimestamp", ".PVC.Labels.none")
		if g.percent(35) {
			head = "$w := " + head
			g.variables = append(g.variables, "$w")
		}
		body := g.list()
		if g.percent(40) {
			body += g.open(g.one(".", ".app", ".Year", ".Name", "$.PVName", "len .", "$", ". | printf \"%v\"", "index . 0", ".Labels", "index . \"app\"", "$.PVC.Name"))
		}
		text := g.open("with "+head) + body
		if g.percent(20) {
			text += g.open("else with "+g.any()) + g.list()
		}
		if g.percent(35) {
			text += g.open("else") + g.list()
		}
		return text + g.open("end")
	})
}

func (g *grammar) rangeNode() string {
	return g.scope(func() string {
		over := g.one(".PVC.Labels", ".PVC.Annotations", ".PVC.Finalizers", ".PVC.OwnerReferences", ".PVC.ManagedFields", "3", "(len .PVC.Labels)", "0", "-1",
			"(slice .PVC.Finalizers 1)", ".PVC.CreationTimestamp.Month", "(index \"\\x03\" 0)", ".PVC.Labels.none", "$.PVC.Labels", "(len .PVName)", "nil", ".PVC.DeletionGracePeriodSeconds", "'\\x02'", g.any())
		head := over
		switch g.Intn(8) {
		case 0, 1:
			head = g.one("$v", "$x") + " := " + over
			g.variables = append(g.variables, strings.Fields(head)[0])
		case 2, 3:
			head = "$i, $v := " + over
			g.variables = append(g.variables, "$i", "$v")
		case 4:
			if len(g.variables) > 1 {
				head = g.variables[0] + ", " + g.variables[len(g.variables)-1] + " = " + over
			} else if len(g.variables) > 0 {
				head = g.variables[0] + " = " + over
			}
		}
		g.loops++
		body := g.list()
		if g.percent(50) {
			body += g.open(g.one(".", ".Name", ".UID", ".Kind", "printf \"%q\" .", "$.PVName", ".Controller", ".Manager", ".Time", "len .", "$"))
		}
		g.loops--
		text := g.open("range "+head) + body
		if g.percent(30) {
			text += g.open("else") + g.list()
		}
		return text + g.open("end")
	})
}

// pipe is what an action may hold.
func (g *grammar) pipe() string {
	text := g.any()
	for g.percent(22) {
		text += g.one(" | ", "|", " |") + g.stage()
	}
	return text
}

// stage takes the value before it as its last argument.
func (g *grammar) stage() string {
	return g.one("len", "html", "js", "urlquery", "print", "println", "printf "+g.format(1), "printf "+g.format(2)+" "+g.any(), "not", "eq "+g.any(), "lt "+g.integer(),
		"index .PVC.Labels", "index .PVC.Finalizers", "slice \"hello\"", "slice \"hello\" 1", "and "+g.boolean(), "or "+g.boolean(), "and", "or", "call", "ge "+g.integer(),
		".PVC.CreationTimestamp.Format", ".PVC.CreationTimestamp.Add", "$.PVC.CreationTimestamp.UTC.AddDate 1 2", ".PVName", "print 1", "ne "+g.str())
}

func (g *grammar) any() string {
	switch g.weighted(28, 18, 10, 12, 8, 6, 12, 4) {
	case 0:
		return g.str()
	case 1:
		return g.integer()
	case 2:
		return g.boolean()
	case 3:
		return g.time()
	case 4:
		return g.collection()
	case 5:
		return g.number()
	case 6:
		return g.formatted()
	default:
		return g.wild()
	}
}

// argument puts what is more than one word into parentheses.
func argument(text string) string {
	if strings.ContainsAny(text, " |\n") && !(strings.HasPrefix(text, "\"") && strings.Count(text, "\"") == 2) {
		return "(" + text + ")"
	}
	return text
}

func (g *grammar) variable() string {
	if len(g.variables) > 0 && g.percent(80) {
		return g.variables[g.Intn(len(g.variables))]
	}
	return "$"
}

func (g *grammar) root() string { return g.one(".", "$.", "$.", ".") }

func (g *grammar) str() string {
	if g.depth > 6 {
		return g.one(".PVName", "\"x\"")
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.weighted(30, 14, 12, 8, 8, 6, 6, 5, 5) {
	case 0:
		return g.root() + g.one("PVName", "PVC.Name", "PVC.Namespace", "PVC.UID", "PVC.GenerateName", "PVC.ResourceVersion", "PVC.SelfLink", "PVC.Labels.app", "PVC.Labels.a",
			"PVC.Labels.none", "PVC.Annotations.path", "PVC.Annotations.html", "PVC.Annotations.ctl", "PVC.Labels.z", "PVC.OpenAPIModelName")
	case 1:
		return g.literal()
	case 2:
		return "index " + g.root() + g.one("PVC.Labels", "PVC.Annotations", "PVC.Finalizers") + " " + g.one("\"app\"", "\"none\"", "\"a\"", "0", "1", argument(g.str()), argument(g.integer()))
	case 3:
		return "slice " + argument(g.str()) + " " + g.one("0", "1", "2", argument(g.integer())) + g.one("", " 2", " 3", " 4", " "+argument(g.integer()))
	case 4:
		return g.one("html ", "js ", "urlquery ", "print ", "println ") + argument(g.any()) + g.one("", " "+argument(g.any()))
	case 5:
		return g.timeValue() + ".Format " + g.layout()
	case 6:
		return g.one("and ", "or ") + argument(g.any()) + " " + argument(g.str())
	case 7:
		return g.one(g.timeValue()+".String", g.timeValue()+".Month", g.timeValue()+".Weekday", "(index .PVC.OwnerReferences 0).Name", "(index .PVC.OwnerReferences 0).String",
			"(index .PVC.ManagedFields 0).FieldsV1", "(index .PVC.OwnerReferences 1).UID", "(index .PVC.ManagedFields 0).Operation", "(index .PVC.ManagedFields 0).FieldsV1.GetRawString")
	default:
		return g.variable()
	}
}

// anyLiteral is a string of characters of all sorts, some as escapes, some as bytes that are no
// UTF-8.
func (g *grammar) anyLiteral() string {
	var b strings.Builder
	b.WriteByte('"')
	for range g.Intn(8) {
		switch g.Intn(7) {
		case 0:
			fmt.Fprintf(&b, "\\x%02x", g.Intn(256))
		case 1:
			fmt.Fprintf(&b, "\\%03o", g.Intn(256))
		case 2:
			fmt.Fprintf(&b, "\\u%04x", g.Intn(0xd800))
		case 3:
			fmt.Fprintf(&b, "\\U%08x", g.Intn(0x30000))
		case 4:
			b.WriteRune([]rune("\u00a0\u00adéßλЖ中日☃\u200d\ufffd\ufeff😀𝒳٣")[g.Intn(15)])
		default:
			b.WriteByte(" !#$&'()*+,-./09:;<=>?@AZ[]^_`az{|}~%"[g.Intn(36)])
		}
	}
	return b.String() + "\""
}

func (g *grammar) literal() string {
	if g.percent(25) {
		return g.anyLiteral()
	}
	if g.percent(4) {
		return g.one("\"\\q\"", "\"\\400\"", "\"\\ud800\"", "\"\\'\"")
	}
	return g.one("\"\"", "\"abc\"", "\"a b\"", "`raw`", "`ra\\w\n2`", "\"é☃\"", "\"\\x41\\u00e9\\n\\t\\\"\"", "\"\\xff\\xfe\"", "\"%d\"", "\"<&>'=\\\\\"", "\"\\101\\U0001F600\"",
		"\"0\"", "\"\\a\\b\\f\\v\\r\\x7f\"", "\"\\u200b\\ufeff\\u00ad\"", "\"a/../b\"", "\"+ %~\"")
}

func (g *grammar) integer() string {
	if g.depth > 6 {
		return "1"
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.weighted(40, 14, 12, 8, 6, 5) {
	case 0:
		if g.percent(12) {
			return strconv.FormatInt(int64(g.Uint64())>>g.Intn(64), 10)
		}
		if g.percent(3) {
			return g.one("08", "1__0", "9223372036854775808", "18446744073709551615", "99999999999999999999", "1e19", "0b12", "''", "'ab'", "1x")
		}
		return g.one("0", "1", "2", "3", "5", "7", "10", "100", "-1", "-3", "+4", "0x1F", "0o17", "017", "0b101", "1_000", "'a'", "'\\n'", "'☃'", "'\\''", "'\\x41'", "'\"'", "9223372036854775807",
			"-9223372036854775808", "1e3", "0x1p4", "-0", "0x_F", "00")
	case 1:
		return "len " + argument(g.one(g.str(), g.collection(), g.any()))
	case 2:
		return g.timeValue() + "." + g.one("Year", "Day", "Hour", "Minute", "Second", "Nanosecond", "YearDay", "Unix", "UnixNano", "UnixMilli", "UnixMicro", "Month", "Weekday")
	case 3:
		return g.root() + g.one("PVC.Generation", "PVC.DeletionGracePeriodSeconds", "PVC.Generation")
	case 4:
		return "index " + argument(g.str()) + " " + g.one("0", "1", argument(g.integer()))
	default:
		return g.variable()
	}
}

// float is any finite float, in one of the notations a template may use.
func (g *grammar) float() string {
	f := math.Float64frombits(g.Uint64())
	switch g.Intn(3) {
	case 0:
		f = float64(g.Intn(2_000_001)-1_000_000) / math.Pow(10, float64(g.Intn(8)))
	case 1:
		f = math.Ldexp(float64(g.Intn(4096)), g.Intn(80)-40)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "0.5"
	}
	text := strconv.FormatFloat(f, "egfx"[g.Intn(4)], g.one2(-1, g.Intn(20)), 64)
	if len(text) > 40 {
		text = strconv.FormatFloat(f, 'e', -1, 64)
	}
	if !strings.ContainsAny(text, ".ep") {
		text += ".0"
	}
	return text
}

func (g *grammar) one2(a, b int) int {
	if g.percent(50) {
		return a
	}
	return b
}

func (g *grammar) number() string {
	if g.percent(40) {
		return g.float()
	}
	if g.percent(5) {
		return g.one("1e400", "2-3", "1i+2i", "0b1+2i", "1e5+1e400i", "0x1.8", "1_.5", "1.2.3", "1e")
	}
	return g.one("1.5", "-2.25", "1e6", "1e21", "1e-7", "0.1", "3.0", "123456789.0", "1i", "2.5i", "1+2i", "1.5-0.5i", "0x1.8p1", "1.", ".5", "0i", "1e3i", "-0.0", "0x1p-2", "1_0.5", "6.02214076e23",
		"1e20", "100000000000000000000.0", "4.9e-324", "1.7976931348623157e308", "0.000001", "0.00001234", "1+0i", "0x1p-2+1i", "1_0+2_0i", "+1.5e+3", "0x.8p0",
		g.timeValue()+".Sub .PVC.CreationTimestamp.Time", "("+g.timeValue()+".Sub .PVC.CreationTimestamp.Time)."+g.one("Hours", "Minutes", "Seconds", "String", "Abs", "Milliseconds", "Round 1000000000", "Truncate 3600000000000"))
}

func (g *grammar) boolean() string {
	if g.depth > 6 {
		return "true"
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.weighted(16, 20, 16, 8, 10, 8, 8) {
	case 0:
		return g.one("true", "false")
	case 1:
		a, b := g.str(), g.str()
		if g.percent(40) {
			a, b = g.integer(), g.integer()
		}
		return g.one("eq", "ne", "lt", "le", "gt", "ge") + " " + argument(a) + " " + argument(b)
	case 2:
		return g.one("eq", "ne", "lt", "le", "gt", "ge", "eq") + " " + argument(g.any()) + " " + argument(g.any()) + g.one("", "", "", " "+argument(g.any()))
	case 3:
		return "not " + argument(g.any())
	case 4:
		text := g.one("and", "or") + " " + argument(g.any())
		for g.percent(50) {
			text += " " + argument(g.any())
		}
		return text
	case 5:
		return g.timeValue() + "." + g.one("IsZero", "Time.IsZero", "Before .PVC.CreationTimestamp.Time", "After .PVC.CreationTimestamp.Time", "Equal .PVC.CreationTimestamp.Time", "IsDST", "Before .PVC.DeletionTimestamp", "Equal .PVC.CreationTimestamp")
	default:
		return g.any()
	}
}

// timeValue is something with the methods of a time.
func (g *grammar) timeValue() string {
	return g.root() + g.one("PVC.CreationTimestamp", "PVC.CreationTimestamp", "PVC.CreationTimestamp.Time", "PVC.CreationTimestamp.UTC", "PVC.DeletionTimestamp", "PVC.DeletionTimestamp.Time", "PVC.CreationTimestamp.Rfc3339Copy", "PVC.CreationTimestamp.Local")
}

func (g *grammar) time() string {
	switch g.Intn(7) {
	case 0:
		return g.timeValue() + ".AddDate " + g.one("0", "1", "-1", "400", "-3000") + " " + g.one("0", "1", "-25", "11") + " " + g.one("0", "1", "30", "-400")
	case 1:
		return g.timeValue() + ".Add " + g.one("1", "1000000000", "-3600000000000", "9223372036854775807", argument(g.integer()))
	case 2:
		return g.timeValue() + "." + g.one("Truncate", "Round") + " " + g.one("1000000000", "3600000000000", "86400000000000", "7", "0", "-1")
	case 3:
		return g.timeValue() + "." + g.one("Location", "Date", "Clock", "ISOWeek", "Zone", "ZoneBounds", "MarshalText", "MarshalJSON", "GoString", "ToUnstructured", "MarshalQueryParameter", "OpenAPISchemaType",
			"OpenAPISchemaFormat", "In .PVC.CreationTimestamp.Location", "In nil", "Compare .PVC.CreationTimestamp.Time", "MarshalBinary", "GobEncode", "ProtoTime", "Size", "Marshal", "DeepCopy", "wall", "Reset", "DeepCopyInto nil",
			"AppendFormat .PVC.CreationTimestamp.MarshalText \"2006\"", "MarshalCBOR", "AppendText .PVC.CreationTimestamp.MarshalText", "Location.String", "Nope", "OpenAPIModelName", "ProtoTime.Seconds")
	default:
		return g.timeValue()
	}
}

// anyLayout puts elements of time layouts, and what looks like them, side by side.
func (g *grammar) anyLayout() string {
	var b strings.Builder
	for range g.Intn(7) {
		b.WriteString(g.one("2006", "06", "01", "1", "Jan", "January", "02", "2", "_2", "002", "__2", "15", "03", "3", "04", "4", "05", "5", "PM", "pm", "Mon", "Monday", "MST", "Z07:00", "Z0700", "Z07", "-07:00", "-0700", "-07",
			".000", ",999", ".0", ".9", "-", "/", ":", " ", "T", "0", "7", "_", "é", "J", "M", ".", "p"))
	}
	return strconv.Quote(b.String())
}

func (g *grammar) layout() string {
	if g.percent(50) {
		return g.anyLayout()
	}
	layout := g.one("2006-01-02", "2006-01-02T15:04:05Z07:00", "Jan _2 06 03:04PM", "Monday, 02-January-2006 15:04:05.000 MST", "__2 002 2 1 3:4:5pm -0700", "20060102150405", ".999999999", "", "Janus Monkey PMpm",
		"_2006 06 Z0700 -07 Z07:00:00", "3:04,000 .00 ,999", "%Y/é", "Mon Jan", "-070000 -07:00:00 Z070000 Z07", "15.05.000000000000")
	return strconv.Quote(layout)
}

func (g *grammar) collection() string {
	return g.root() + g.one("PVC.Labels", "PVC.Annotations", "PVC.Finalizers", "PVC.OwnerReferences", "PVC.ManagedFields", "PVC.CreationTimestamp.MarshalText")
}

func (g *grammar) formatted() string {
	n := 1 + g.Intn(3)
	text := "printf " + g.format(n)
	for range n + g.weighted(0, 12, 1, 1) - 1 {
		text += " " + argument(g.any())
	}
	return text
}

// format is a format string for about n arguments, with every verb and flag there is.
func (g *grammar) format(n int) string {
	var b strings.Builder
	for range n {
		b.WriteString(g.one("", "", "-", " ", "é", "%%", "a="))
		if g.percent(45) {
			b.WriteString(g.one("%s", "%v", "%d", "%q", "%x", "%T", "%t", "%+v", "%#v", "%05d", "%-8s|", "%8s|"))
			continue
		}
		b.WriteByte('%')
		for g.percent(40) {
			b.WriteString(g.one("-", "+", "#", " ", "0"))
		}
		if g.percent(6) {
			b.WriteString(g.one("[1]", "[2]", "[3]", "[0]", "[", "[x]", "[]", "[2]*[1]", "[1]5"))
		}
		if g.percent(35) {
			b.WriteString(g.one("1", "5", "12", "*", "03", "8"))
		}
		if g.percent(25) {
			b.WriteString(g.one(".", ".0", ".1", ".3", ".10", ".*", ".[1]*", ".20"))
		}
		b.WriteString(g.one("v", "s", "d", "q", "x", "X", "T", "t", "o", "O", "b", "c", "U", "e", "E", "f", "F", "g", "G", "v", "s", "d", "p", "w", "z", "!", "é", "%", ""))
	}
	return strconv.Quote(b.String())
}

// wild puts words together that need not fit.
// soup is tokens in any order.
func (g *grammar) soup() string {
	var b strings.Builder
	for range 1 + g.Intn(6) {
		b.WriteString(g.one(".", "$", "$x", ".PVC", "(", ")", "|", " ", " ", " ", ":=", "=", ",", "1", "-1", "1i", "nil", "true", "\"s\"", "'c'", "`r`", "if", "else", "end", "range", "with", "define", "template", "block", "break", "print", "len", "and", "-", "- ", " -", "\n", "/*", "*/", "}", "{", "@", "é", "☃", "0x", "1e", ".1", "+", "..", "\"", "'", "`", "\\"))
	}
	return b.String()
}

func (g *grammar) wild() string {
	words := []string{}
	for range 1 + g.Intn(3) {
		words = append(words, g.one(".", "$", "nil", "true", "1", "1.5", "2i", "\"s\"", "'c'", ".PVC", ".PVName", ".PVC.Foo", ".Foo", ".PVC.Name.X", ".PVC.GetName", ".PVC.Labels.a.b", ".PVC.CreationTimestamp.Foo",
			"(1)", "(print 1 2)", "len", "print", "eq", "index", "slice", "printf", "html", "and", "or", "not", "call", "lt", ".PVC.OwnerReferences.Name", "(index .PVC.OwnerReferences 0)", "(index .PVC.OwnerReferences 0).Controller",
			"(.PVC).Name", "(.PVC.CreationTimestamp).Year", "(nil).X", "$.PVC.Name.Y", "print.X", "(print).X", ".PVC.SetName", "(index .PVC.ManagedFields 0).Time", ".PVC.DeletionTimestamp", ".PVC.DeletionTimestamp.Year",
			".PVC.DeletionTimestamp.IsZero", ".PVC.CreationTimestamp.ext", g.variable()+".PVC", g.variable()+".Name", g.variable()+".X", "(index .PVC.ManagedFields 0).FieldsV1.Raw", "(index .PVC.OwnerReferences 0).DeepCopy",
			"(index .PVC.OwnerReferences 0).DeepCopy.Name", "(index .PVC.OwnerReferences 2).Marshal", "(index .PVC.ManagedFields 0).Size", "(index .PVC.ManagedFields 1).String", "(index .PVC.OwnerReferences 0).Reset", ".PVC.Labels.app.Foo",
			"(and)", "(or .PVC.Labels.none .PVName)", "(not)", "(len nil)", "(index nil)", "(slice nil)", "(index .PVC.Labels nil)", "(index .PVC.Finalizers nil)", "(eq nil nil)", "(eq .PVC.DeletionTimestamp nil)", "(print nil)", "(lt nil 1)"))
	}
	return strings.Join(words, " ")
}
