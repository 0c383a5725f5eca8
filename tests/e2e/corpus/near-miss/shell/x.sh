#!/bin/sh
# docker run -v /var/run/docker.sock:/var/run/docker.sock x
echo "docker run -v /var/run/docker.sock:/var/run/docker.sock x"
printf 'docker run -v /run:/x y\n'
cat <<EOF
docker run -v /var/run/docker.sock:/var/run/docker.sock x
EOF
docker run --rm -v "$PWD:/src" -v "$(pwd)/run:/run" x
docker run x docker run -v /var/run/docker.sock:/var/run/docker.sock y
curl --unix-socket /var/run/docker.sock http://localhost/_ping
docker exec -it web ls /var/run/docker.sock
test -S /var/run/docker.sock && ls -l /var/run/docker.sock
docker compose up -d
