#!/bin/sh
docker run --rm --link dind:docker \
  -e DOCKER_HOST=tcp://docker:2375 \
  -e DOCKER_TLS_CERTDIR= \
  docker:cli info
