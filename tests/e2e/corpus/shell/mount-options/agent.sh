#!/bin/bash
sudo docker service create \
  --name agent --mode global \
  --mount type=bind,source=/var/run/docker.sock,target=/var/run/docker.sock \
  --mount type=volume,source=data,target=/data \
  example/agent

docker create --mount type=bind,src=/run,dst=/run example/tool
docker container run --mount=type=bind,readonly,src=/run/docker.sock,dst=/s example/tool
docker run --mount type=tmpfs,dst=/run example/tool
