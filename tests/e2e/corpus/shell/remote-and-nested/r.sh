ssh deploy@host "docker run -d -v /run:/host/run:ro netdata/netdata"
for h in a b; do
	ssh "$h" <<-'END'
	docker run --pid=host prom/node-exporter
	END
done
cid=$(docker create --volumes-from agent busybox)
