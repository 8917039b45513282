package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// repository is the top of the tree, from this folder.
var repository = filepath.Join("..", "..")

// docPages returns the Markdown pages that people read, by their path from the top.
func docPages(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, path := range []string{"README.md", filepath.Join("results", "README.md")} {
		texts[path] = fileText(t, filepath.Join(repository, path))
	}
	err := filepath.WalkDir(filepath.Join(repository, "docs"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			rel, _ := filepath.Rel(repository, path)
			texts[rel] = fileText(t, path)
		}
		return err
	})
	if err != nil || len(texts) < 10 {
		t.Fatalf("%d pages, %v; want more", len(texts), err)
	}
	return texts
}

var (
	fenced     = regexp.MustCompile("(?ms)^```.*?^```$")
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading    = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	remark     = regexp.MustCompile(`\s{2,}.*$`) // what stands behind a command
	makeTarget = regexp.MustCompile(`(?m)^([a-z-]+):`)
)

// TestDocsLinks: each link from a page to a file of ours leads to one, and one to a
// section to that section.
func TestDocsLinks(t *testing.T) {
	texts := docPages(t)
	for page, text := range texts {
		text = fenced.ReplaceAllString(text, "")
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			to, section, _ := strings.Cut(m[1], "#")
			if strings.Contains(to, "://") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			path := page
			if to != "" {
				path = filepath.Join(filepath.Dir(page), to)
			}
			if _, err := os.Stat(filepath.Join(repository, path)); err != nil {
				t.Errorf("%s: link to %s: %v", page, m[1], err)
				continue
			}
			if section != "" && !slices.Contains(slugs(texts[path]), section) {
				t.Errorf("%s: link to %s: %s has no such section", page, m[1], path)
			}
		}
	}
}

// slugs are the names under which the headings of a page can be linked to.
func slugs(text string) (all []string) {
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(slug, " ", "-"))
	}
	return all
}

// TestDocsCommands: each flushbench command that a page shows is one: the command
// exists, and so do its flags, with values that they take. Targets of make exist too.
func TestDocsCommands(t *testing.T) {
	targets := makeTarget.FindAllString(fileText(t, filepath.Join(repository, "Makefile")), -1)
	n := 0
	for page, text := range docPages(t) {
		var lines []string
		for _, block := range fenced.FindAllString(text, -1) {
			block = strings.ReplaceAll(block, "\\\n", " ")
			lines = append(lines, strings.Split(block, "\n")...)
		}
		for _, m := range inlineCode.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
			n += checkCommandLine(t, page, m[1], false) // in a sentence it is often only named
			if name, ok := strings.CutPrefix(m[1], "make "); ok && !slices.Contains(targets, name+":") {
				t.Errorf("%s: %s: the Makefile has no such target", page, m[1])
			}
		}
		for _, line := range lines {
			n += checkCommandLine(t, page, line, true)
		}
	}
	if n < 60 {
		t.Errorf("%d commands found; want more", n)
	}
}

// TestExamples: so are the examples of help.
func TestExamples(t *testing.T) {
	started := false
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, line := range strings.Split(strings.ReplaceAll(c.Example, "\\\n", " "), "\n") {
			checkCommandLine(t, c.CommandPath()+" --help", strings.TrimSpace(line), true)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRootCmd(&started))
}

// checkCommandLine parses a line that is a command of ours, without running it, and
// returns 1 for one. One that is not whole may lack its arguments.
func checkCommandLine(t *testing.T, where, line string, whole bool) int {
	t.Helper()
	line = strings.TrimPrefix(strings.TrimPrefix(line, "sudo "), "go run ./cmd/")
	rest, ok := strings.CutPrefix(line, "flushbench ")
	if !ok {
		return 0
	}
	words := shellWords(squeezed(rest))
	started := false
	root := newRootCmd(&started)
	useCompletion(root)
	cmd, args, err := root.Find(words)
	if err == nil && cmd != root {
		cmd.InitDefaultHelpFlag()
		if err = cmd.ParseFlags(args); err == nil && !cmd.Flags().Changed("help") {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
	}
	if err != nil && (whole || !lacksArgument(err)) {
		t.Errorf("%s: %s: %v", where, line, err)
	}
	return 1
}

// lacksArgument reports whether err says that something is missing.
func lacksArgument(err error) bool {
	return slices.ContainsFunc([]string{"which result", "is missing", "needs an argument", "0 addresses"}, func(s string) bool { return strings.Contains(err.Error(), s) })
}

// squeezed takes from a command what is said behind it, after two blanks or more, but
// not the blanks that join the lines of a long one.
func squeezed(text string) string {
	parts := regexp.MustCompile(`\s{2,}`).Split(text, -1)
	out := parts[0]
	for _, p := range parts[1:] {
		if !strings.HasPrefix(p, "-") {
			break
		}
		out += " " + p
	}
	return remark.ReplaceAllString(out, "")
}

// shellWords splits a simple command as a shell does, up to a pipe, a redirection or
// another command.
func shellWords(text string) (words []string) {
	var word strings.Builder
	in, quote := false, rune(0)
	for _, c := range text {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			in, quote = true, c
		case quote == 0 && strings.ContainsRune("|<>;&#", c):
			if in {
				words = append(words, word.String())
			}
			return words
		case quote == 0 && c == ' ':
			if in {
				words = append(words, word.String())
			}
			in = false
			word.Reset()
		default:
			in = true
			word.WriteRune(c)
		}
	}
	if in {
		words = append(words, word.String())
	}
	return words
}
