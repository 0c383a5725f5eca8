#!/bin/bash
docker run -v $(pwd):/src -v $PWD/x:/x -v $HOME:/root alpine
docker run --rm \
    -v "$(pwd)":/src \
    -v $DATA:/data \
    -v ${DATA}/files:/files \
    -v ${SOCK:-/var/run/docker.sock}:/var/run/docker.sock \
    -v ${RUNTIME}/docker.sock:/s \
    example/dev
