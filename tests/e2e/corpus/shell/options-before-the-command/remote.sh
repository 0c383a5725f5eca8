#!/bin/sh
docker --context build -l debug run -d --volume "/var/run/docker.sock:/var/run/docker.sock:ro" --net host example/x
DOCKER_BUILDKIT=1 /usr/bin/docker -H unix:///run/docker.sock run -tiv /run/docker.sock:/s example/x
if docker run -d --privileged=true example/x; then echo up; fi
docker run -d --privileged=false example/x
