docker volume create --driver local --opt type=none --opt o=bind --opt device=/var/run hostrun
docker run -v hostrun:/x alpine
docker run --use-api-socket docker:cli
docker run -e DOCKER_HOST=tcp://10.0.0.5:2375 docker:cli ps
