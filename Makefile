# The work is in scripts/; `make run ARGS="--port 9000"` passes arguments on.
.PHONY: help run test lint check bench wheel lock clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile

run:  ## start Filmroom, with the viewer and demo studies, on 127.0.0.1:8042
	@scripts/serve $(ARGS)

test:  ## set up what the tests need and run them all
	@scripts/test $(ARGS)

lint:  ## style, types, floors, spelling
	@scripts/lint

check:  ## what CI runs: all tests, none left out
	@scripts/check $(ARGS)

bench:  ## compare with Orthanc and nginx
	@scripts/bench $(ARGS)

wheel:  ## make a wheel that carries the viewer
	@scripts/wheel

lock:  ## resolve the requirements anew
	@scripts/lock $(ARGS)

clean:  ## remove what can be made again, but no data
	rm -rf .venv build dist viewer/node_modules src/filmroom/web/static/ohif src/filmroom/web/static/swagger
