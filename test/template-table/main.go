// This program makes the tables that src/classic/go/template is tested against: templates from a
// seeded grammar, and what Go's own text/template makes of each over the metadata of a claim. See
// README.md.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"reflect"
	"strings"
	"text/template"
	"time"
)

type row struct {
	Template   string  `json:"template"`
	MissingKey string  `json:"missingKey"`
	Data       string  `json:"data"`
	Output     *string `json:"output,omitempty"`
	Error      string  `json:"error,omitempty"`
	Phase      string  `json:"phase,omitempty"`
}

// Longer rows say nothing that shorter ones do not.
const maxShown = 900

func main() {
	seed := flag.Int64("seed", 20240229, "seed of the grammar")
	count := flag.Int("rows", 2600, "rows to make from the grammar, besides the fixed ones")
	subset := flag.Bool("subset", false, "only templates of what src/classic/go/template supports")
	flag.Parse()

	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	write := func(v any) {
		if err := encoder.Encode(v); err != nil {
			panic(err)
		}
	}
	for _, d := range datasets {
		write(d)
	}
	if *subset {
		fixed, missing = nil, nil
	}
	for i, text := range fixed {
		for _, d := range []dataset{datasets[i%len(datasets)], datasets[1]} {
			if r, ok := evaluate(text, "default", d); ok {
				write(r)
			}
		}
	}
	for _, text := range missing {
		for _, mode := range []string{"default", "zero", "error"} {
			if r, ok := evaluate(text, mode, datasets[0]); ok {
				write(r)
			}
		}
	}
	g := &grammar{Rand: rand.New(rand.NewSource(*seed))}
	seen := map[string]bool{}
	for made := 0; made < *count; {
		text := g.template()
		if *subset {
			text = g.subset()
		}
		d := datasets[g.weighted(4, 5, 2, 1, 2)]
		mode := []string{"default", "error", "zero"}[g.weighted(6, 3, 1)]
		if *subset && mode == "zero" {
			mode = "default"
		}
		if key := text + "\x00" + mode + "\x00" + d.Name; seen[key] {
			continue
		} else {
			seen[key] = true
		}
		r, ok := evaluateInTime(text, mode, d)
		// Long templates fail more often than not: most of those that do are left out, in favour of
		// results.
		if ok && (r.Output != nil || g.percent(map[string]int{"parse": 50, "exec": 35}[r.Phase])) {
			write(r)
			made++
		}
	}
}

// evaluateInTime gives up on a template that ranges over a number that takes years. The goroutine
// is left running.
func evaluateInTime(text, missingKey string, d dataset) (row, bool) {
	type result struct {
		row row
		ok  bool
	}
	done := make(chan result, 1)
	go func() {
		r, ok := evaluate(text, missingKey, d)
		done <- result{r, ok}
	}()
	select {
	case r := <-done:
		return r.row, r.ok
	case <-time.After(10 * time.Second):
		return row{}, false
	}
}

// evaluate renders twice, over two copies of the data. What differs between them, or is the place
// of one of the few things that never move, is an address: rows in which one is printed, even if it
// is not shown in the end, are left out.
func evaluate(text, missingKey string, d dataset) (row, bool) {
	first, second := d.decode(), d.decode()
	a, printedA := render(text, missingKey, d.Name, first)
	_, printedB := render(text, missingKey, d.Name, second)
	if a.Phase == "panic" || printedA != printedB || showsFixedAddress(printedA) {
		return row{}, false
	}
	shown := a.Error
	if a.Output != nil {
		shown = *a.Output
	}
	return a, len(text)+len(shown) <= maxShown
}

// render gives the row, and everything that was printed on the way: by functions, and as output
// before an error.
func render(text, missingKey, data string, metadata pvMetadata) (r row, printed string) {
	r = row{Template: text, MissingKey: missingKey, Data: data}
	var log, out strings.Builder
	defer func() {
		if e := recover(); e != nil {
			fmt.Fprintf(os.Stderr, "panic in %q: %v\n", text, e)
			r.Phase = "panic"
		}
	}()
	parsed, err := template.New("pathPattern").Option("missingkey=" + missingKey).Parse(text)
	if err != nil {
		r.Error, r.Phase = err.Error(), "parse"
		return r, ""
	}
	if err := parsed.Execute(&out, metadata); err != nil {
		r.Error, r.Phase = err.Error(), "exec"
	} else {
		text := out.String()
		r.Output = &text
	}
	logged, err := template.New("pathPattern").Option("missingkey=" + missingKey).Funcs(recorded(&log)).Parse(text)
	if err == nil {
		_ = logged.Execute(&log, metadata)
	}
	return r, out.String() + log.String() + r.Error
}

// recorded are the functions that print, writing down what they print.
func recorded(log *strings.Builder) template.FuncMap {
	note := func(print func(...any) string) func(...any) string {
		return func(args ...any) string {
			text := print(args...)
			log.WriteString(text)
			return text
		}
	}
	return template.FuncMap{
		"print":    note(fmt.Sprint),
		"println":  note(fmt.Sprintln),
		"html":     note(template.HTMLEscaper),
		"js":       note(template.JSEscaper),
		"urlquery": note(template.URLQueryEscaper),
		"printf": func(format string, args ...any) string {
			text := fmt.Sprintf(format, args...)
			log.WriteString(text)
			return text
		},
	}
}

func showsFixedAddress(text string) bool {
	for _, pointer := range []any{time.Local, time.UTC, []string{}} {
		address := reflect.ValueOf(pointer).Pointer()
		for _, verb := range []string{"%x", "%X", "%d", "%o", "%b"} {
			if strings.Contains(text, fmt.Sprintf(verb, address)) {
				return true
			}
		}
	}
	return false
}

func init() {
	// The original's image has no time zones: its local time is UTC.
	os.Setenv("TZ", "")
}
