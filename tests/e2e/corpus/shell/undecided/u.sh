docker run -v "$DATA":/data alpine
docker run $EXTRA_OPTS alpine
docker run "$@"
docker run -v "$DATA/files:/data" alpine
