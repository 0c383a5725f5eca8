podman run -d --mount type=bind,src=/run/podman/podman.sock,target=/s,ro quay.io/x
nerdctl run -v /run/containerd/containerd.sock:/s x
podman create --privileged --pid=host x
