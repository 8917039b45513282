package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"unsafe"

	"github.com/spf13/pflag"

	"flushbench/workload/target"
)

// passwordVariable is the environment variable that holds the password of a server.
const passwordVariable = "FLUSHBENCH_PASSWORD"

// maxPasswordFile bounds the file of --password-file, in bytes.
const maxPasswordFile = 4096

// hidden stands where a password stood.
const hidden = "***"

// serverAddress begins each address of a server in an argument.
var serverAddress = regexp.MustCompile(`(?i)(mysql|mariadb|postgres|postgresql)://`)

// takeArguments returns the arguments of the command line after taking the passwords
// of server addresses out of os.Args, which results record, and out of the process's
// title, where every user of the machine sees them. Between the start of the process
// and this call they can be seen there: --password-file and the environment
// variable have no such moment.
func takeArguments() []string {
	args := make([]string, 0, len(os.Args))
	for i, arg := range os.Args {
		args = append(args, strings.Clone(arg))
		spans := secretSpans(arg)
		if len(spans) == 0 {
			continue
		}
		os.Args[i] = redact(args[i])
		// The bytes of os.Args are the process's title itself.
		title := unsafe.Slice(unsafe.StringData(arg), len(arg))
		for _, s := range spans {
			copy(title[s[0]:s[1]], bytes.Repeat([]byte{'x'}, s[1]-s[0]))
		}
	}
	return args[1:]
}

// redact returns text with *** for each password of an address of a server in it.
func redact(text string) string {
	var b strings.Builder
	end := 0
	for _, s := range secretSpans(text) {
		b.WriteString(text[end:s[0]] + hidden)
		end = s[1]
	}
	return b.String() + text[end:]
}

// secretSpans returns where the passwords of addresses of servers stand in text:
// rather too much than too little where one was not encoded as a URL wants it.
func secretSpans(text string) (spans [][2]int) {
	begins := serverAddress.FindAllStringIndex(text, -1)
	for i, at := range begins {
		begin, end := at[1], len(text)
		if i+1 < len(begins) {
			end = begins[i+1][0]
		}
		address := text[begin:end]
		user := strings.LastIndexByte(address, '@')
		if colon := strings.IndexByte(address, ':'); colon >= 0 && colon < user {
			spans = append(spans, [2]int{begin + colon + 1, begin + user})
		}
		lower := strings.ToLower(address)
		for from := max(user, 0); ; {
			n := strings.Index(lower[from:], "password=")
			if n < 0 {
				break
			}
			from += n + len("password=")
			stop := strings.IndexByte(address[from:], '&')
			if stop < 0 {
				stop = len(address) - from
			}
			spans = append(spans, [2]int{begin + from, begin + from + stop})
			from += stop
		}
	}
	return spans
}

// addPasswordFlag adds --password-file.
func addPasswordFlag(fs *pflag.FlagSet, file *string) {
	fs.StringVar(file, "password-file", "", "read the server's password from the first line of this `FILE`; else it is in the address or in "+passwordVariable)
}

// withPassword returns a with its password: of the address, else of the file, else
// of the environment.
func withPassword(a target.Address, file string) (target.Address, error) {
	switch {
	case file != "" && a.Password() != "":
		return a, errors.New("--password-file: the address holds a password too: give one of them")
	case file != "":
		password, err := readPassword(file)
		if err != nil {
			return a, err
		}
		return a.WithPassword(password), nil
	case a.Password() == "" && os.Getenv(passwordVariable) != "":
		return a.WithPassword(os.Getenv(passwordVariable)), nil
	}
	return a, nil
}

// readPassword reads the first line of a file.
func readPassword(file string) (string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("--password-file: %w", err)
	}
	line, _, _ := strings.Cut(string(data), "\n")
	line = strings.TrimSuffix(line, "\r")
	if line == "" || len(line) > maxPasswordFile {
		return "", fmt.Errorf("--password-file %s: its first line must have 1 to %d bytes", file, maxPasswordFile)
	}
	return line, nil
}
