#!/usr/bin/env bash
docker run --rm -it --privileged --pid=host --use-api-socket -v /:/host alpine chroot /host sh
