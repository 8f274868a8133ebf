package suiteapps_test

import (
	"slices"
	"strconv"
	"testing"

	"github.com/benchctl/benchctl/apps/appstest"
	"github.com/benchctl/benchctl/apps/stack"
	"github.com/benchctl/benchctl/apps/stack/suiteapps"
	"github.com/benchctl/benchctl/apps/suite"
)

// ofTheLoad are parameters that change what is sent, not what is answered.
var ofTheLoad = []string{"echo.bytes", "upload.bytes", "session.visits"}

// Every app of the suite is there, in its order, with the parameters that change its reply.
func TestAppsOfTheSuite(t *testing.T) {
	sources := suiteapps.All()
	for _, spec := range suite.All() {
		if spec.Name == "mixed" {
			continue
		}
		if len(sources) == 0 || sources[0].About().Name != spec.Name || sources[0].About().Doc != spec.Doc {
			t.Fatalf("%s is not next", spec.Name)
		}
		fields := stack.Fields(sources[0])
		for _, p := range spec.Params {
			i := slices.IndexFunc(fields, func(f stack.Field) bool { return f.Name == p.Name })
			if slices.Contains(ofTheLoad, spec.Name+"."+p.Name) {
				continue
			}
			want := suite.Param{Name: p.Name}
			if i >= 0 {
				want = suite.Param{Name: fields[i].Name, Default: number(t, fields[i].Default), Min: number(t, fields[i].Min), Max: number(t, fields[i].Max), Doc: fields[i].Doc}
			}
			if p != want {
				t.Errorf("%s: the field is %+v, the parameter %+v", spec.Name, want, p)
			}
		}
		if app, err := stack.Build(stack.App{Source: sources[0]}); err != nil || app == nil {
			t.Errorf("%s: %v", spec.Name, err)
		}
		sources = sources[1:]
	}
	if len(sources) > 0 {
		t.Errorf("%v are not of the suite", sources)
	}
}

func number(t *testing.T, text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Error(err)
	}
	return n
}

// The config holds for requests that say nothing else.
func TestConfig(t *testing.T) {
	app, err := stack.Build(stack.App{Source: suiteapps.Size{Bytes: 5}})
	if err != nil {
		t.Fatal(err)
	}
	for want, target := range map[int]string{5: "/", 7: "/?bytes=7"} {
		if r := appstest.Serve(t, app, appstest.Get(target)); len(r.Body()) != want {
			t.Errorf("%v, want %d bytes", r, want)
		}
	}
	if plain, err := stack.Build(stack.App{Source: suiteapps.Size{}}); err != nil || len(appstest.Serve(t, plain, appstest.Get("/")).Body()) != 10000 {
		t.Error("the config of one stack changed that of another", err)
	}
	if _, err := stack.Build(stack.App{Source: suiteapps.Status{Code: 600}}); err == nil || err.Error() != "stack: code: 600 is more than 599" {
		t.Error(err)
	}
}

// A leaf takes the methods that its app takes in the suite.
func TestMethods(t *testing.T) {
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "DELETE": 405, "POST": 405} {
		app, err := stack.Build(stack.App{Source: suiteapps.Hello{}})
		if err != nil {
			t.Fatal(err)
		}
		r := appstest.Serve(t, app, appstest.Of(method, "/", ""))
		if r.Status != want || want == 405 && r.Field("Allow") != "GET, HEAD" {
			t.Errorf("%s: %v", method, r)
		}
	}
}
