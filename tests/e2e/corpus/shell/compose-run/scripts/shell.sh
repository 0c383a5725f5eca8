#!/bin/sh
docker compose -f dev.yaml run --rm -v /var/run/docker.sock:/var/run/docker.sock app sh
docker-compose run --volume /run:/run app
docker compose exec app docker ps -v /run:/run
