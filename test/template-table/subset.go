package main

import "strings"

// subset makes templates of what src/classic/go/template supports, and hardly anything else. Types
// match only by chance: what fails says as much as what renders.
func (g *grammar) subset() string {
	g.depth, g.loops = 2, 0
	text := g.subsetList()
	if g.percent(50) {
		text = "{{$x := \"v\"}}{{$y := 2}}" + text
	}
	if g.percent(3) {
		text = g.damage(text)
	}
	return text
}

func (g *grammar) subsetList() string {
	var b strings.Builder
	for range 1 + g.Intn(3) {
		b.WriteString(g.one("a", "/", " x ", "\n", " - ", "}", "") + g.subsetNode())
	}
	return b.String()
}

func (g *grammar) act(inside string) string {
	return g.one("{{", "{{", "{{ ", "{{- ", "{{-\n") + inside + g.one("}}", "}}", " }}", " -}}", "\n-}}")
}

func (g *grammar) subsetNode() string {
	if g.depth == 0 {
		return g.act(g.subsetPipe())
	}
	g.depth--
	defer func() { g.depth++ }()
	otherwise := func() string {
		if g.percent(50) {
			return ""
		}
		return g.act("else") + g.subsetList()
	}
	switch g.weighted(10, 2, 4, 2, 5, 1, 1) {
	case 0:
		return g.act(g.subsetPipe())
	case 1:
		return g.act(g.one("$x", "$y") + g.one(":=", " := ", " = ") + g.subsetPipe())
	case 2:
		body := g.act(g.one("if ", "with ")+g.subsetPipe()) + g.subsetList()
		if g.percent(20) {
			body += g.act("else "+g.one("if ", "with ")+g.subsetPipe()) + g.subsetList()
		}
		return body + otherwise() + g.act("end")
	case 3:
		return g.act("with "+g.one("$x := ", "$x = ", "")+g.subsetPipe()) + g.subsetList() + otherwise() + g.act("end")
	case 4:
		over := g.one(".PVC.Labels", ".PVC.Finalizers", "3", "$.PVC.Annotations", g.subsetPipe())
		head := g.act("range " + g.one("", "$x := ", "$x, $y := ", "$y = ") + over)
		g.loops++
		body := g.subsetList()
		if g.percent(20) {
			body += g.act("if "+g.subsetPipe()) + g.act(g.one("break", "continue")) + g.act("end") + "z"
		}
		g.loops--
		return head + body + otherwise() + g.act("end")
	case 5:
		return "{{/* c */}}"
	}
	return g.act("$.PVC.CreationTimestamp.Format " + g.subsetText())
}

func (g *grammar) subsetPipe() string {
	text := g.subsetCommand()
	for g.percent(15) {
		text += g.one(" | ", "|") + g.one("print", "html", "urlquery", "len", "not", "eq 1", `printf "%v"`, `printf "<%s>"`, g.subsetCommand())
	}
	return text
}

func (g *grammar) subsetCommand() string {
	many := func(least, most int) string {
		text := ""
		for range least + g.Intn(most-least+1) {
			text += g.one(" ", " ", "  ", "\n") + g.subsetArgument()
		}
		return text
	}
	switch g.weighted(6, 2, 3, 4, 4) {
	case 0:
		return g.subsetArgument()
	case 1:
		return `printf "` + g.one("%s", "%d", "%v", "%q", "%5s", "%-5s|", "%.3s", "%05d", "%3d", "%10.2s", "%-4d|", "%6v") + g.one("", "%%", "-") + `"` + many(1, 1)
	case 2:
		return g.one("and", "or", "print", "println", "html", "js", "urlquery") + many(1, 3)
	case 3:
		return g.one("eq", "ne", "lt", "le", "gt", "ge") + many(2, 2)
	}
	return g.one("index .PVC.Labels", "index .PVC.Annotations", "index .PVC.Finalizers", "len", "not", "slice .PVC.Name", "slice .PVC.Finalizers", "slice .PVName 0") + many(1, 1)
}

func (g *grammar) subsetText() string {
	return g.one(`"a"`, `"app"`, `"tier"`, `"none"`, "`raw`", `"x\n\"y"`, `"2006-01-02"`, `""`, `"n"`, `"2006/Jan/02 15:04:05 Monday MST"`, `"Z07:00 -0700 06 1 2"`)
}

func (g *grammar) subsetArgument() string {
	switch g.weighted(10, 4, 3, 1, 2) {
	case 0:
		return g.one(".", "$.", "$.") + g.one("PVName", "PVC.Name", "PVC.Namespace", "PVC.UID", "PVC.ResourceVersion", "PVC.GenerateName", "PVC.Labels", "PVC.Annotations", "PVC.Labels.app", "PVC.Labels.none", "PVC.Labels.z", "PVC.Annotations.path", "PVC.Annotations.html", "PVC.Annotations.ctl", "PVC.Annotations.empty", "PVC.Finalizers", "PVC.Generation", "PVC.CreationTimestamp.Year", "PVC.CreationTimestamp.Month", "PVC.CreationTimestamp.YearDay", "PVC.CreationTimestamp.Weekday", "PVC.CreationTimestamp", "PVC.CreationTimestamp.UTC.Hour")
	case 1:
		return g.subsetText()
	case 2:
		return g.one("0", "1", "2", "3", "5", "-1", "10")
	case 3:
		return g.one("true", "false", "nil")
	}
	if g.depth > 0 && g.percent(50) {
		g.depth--
		defer func() { g.depth++ }()
		return "(" + g.subsetPipe() + ")"
	}
	return g.one("$x", "$y", ".", "$.PVName")
}
