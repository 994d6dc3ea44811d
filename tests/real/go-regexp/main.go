// Says what Go's regexp finds: reads {"patterns": [...], "texts": [...]} and prints, for each pattern, the error or a 0 or 1 for each text.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
)

type question struct {
	Patterns []string `json:"patterns"`
	Texts    []string `json:"texts"`
}

type answer struct {
	Error string `json:"error"`
	Found string `json:"found"`
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	answers := make([]answer, len(asked.Patterns))
	for i, pattern := range asked.Patterns {
		answers[i] = search(pattern, asked.Texts)
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		os.Exit(1)
	}
}

func search(pattern string, texts []string) answer {
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return answer{Error: err.Error()}
	}
	found := make([]byte, len(texts))
	for i, text := range texts {
		found[i] = '0'
		if compiled.MatchString(text) {
			found[i] = '1'
		}
	}
	return answer{Found: string(found)}
}
