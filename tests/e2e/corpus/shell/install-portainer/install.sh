#!/bin/sh
# Installs Portainer, or updates it.
set -eu

docker volume create portainer_data
docker rm -f portainer 2>/dev/null || true
docker run -d -p 8000:8000 -p 9443:9443 --name portainer --restart=always \
    -v /var/run/docker.sock:/var/run/docker.sock \
    -v portainer_data:/data \
    portainer/portainer-ce:lts
