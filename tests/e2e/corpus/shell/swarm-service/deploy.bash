docker service create --name agent --mode global \
  --mount type=bind,source=/var/run/docker.sock,target=/var/run/docker.sock \
  --mount type=bind,source=/var/lib/docker/volumes,target=/v portainer/agent
