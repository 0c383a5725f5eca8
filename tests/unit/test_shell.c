// SPDX-License-Identifier: Apache-2.0
/* Shells that start containers: what each gives away, and what is left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/audit/shell.h"

struct found {
	char text[4096];
	char who[256]; /* service, name and image of the last */
};

static int note(void *ctx, const struct finding *f)
{
	struct found *found = ctx;
	size_t n = strlen(found->text);

	snprintf(found->text + n, sizeof(found->text) - n, "%u %s %s %s%s|", f->line,
		 finding_way_name(f->way), finding_via_name(f), f->spelling,
		 f->read_only ? " (ro)" : "");
	snprintf(found->who, sizeof(found->who), "%s/%s/%s", f->service ? f->service : "-",
		 f->container->name ? f->container->name : "-",
		 f->container->image ? f->container->image : "-");
	return 0;
}

static const struct row {
	const char *text;
	const char *wanted; /* "LINE WAY VIA SPELLING|…" */
} rows[] = {
	/* spellings of a mount */
	{"docker run -v /var/run/docker.sock:/x img",
	 "1 mount socket-bind -v /var/run/docker.sock:/x|"},
	{"docker run -v /run/docker.sock:/x:ro img",
	 "1 mount socket-bind -v /run/docker.sock:/x:ro (ro)|"},
	{"docker run -v/run:/x img", "1 mount directory-bind -v/run:/x|"},
	{"docker run -v=/run:/x img", "1 mount directory-bind -v=/run:/x|"},
	{"docker run -itv /:/host:ro,rslave img", "1 mount host-root -itv /:/host:ro,rslave (ro)|"},
	{"docker run --volume /var/run/:/x img", "1 mount directory-bind --volume /var/run/:/x|"},
	{"docker run --volume=/run/../run/docker.sock:/x img",
	 "1 mount socket-bind --volume=/run/../run/docker.sock:/x|"},
	{"docker run --mount type=bind,src=/run,dst=/x,ro img",
	 "1 mount directory-bind --mount type=bind,src=/run,dst=/x,ro (ro)|"},
	{"docker run --mount 'type=bind,\"source=/run/docker.sock\",target=/x' img",
	 "1 mount socket-bind --mount type=bind,\"source=/run/docker.sock\",target=/x|"},
	{"docker run --mount=source=/run/docker.sock,target=/x,type=bind img",
	 "1 mount socket-bind --mount=source=/run/docker.sock,target=/x,type=bind|"},
	{"docker run --mount "
	 "type=volume,dst=/"
	 "x,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/run img",
	 "1 mount volume --mount "
	 "type=volume,dst=/"
	 "x,volume-driver=local,volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/run|"},
	{"docker volume create -o type=none -o o=bind -o device=/run v\ndocker run -v v:/x img",
	 "2 mount volume -v v:/x|"},
	{"docker volume create --opt=o=bind --opt=device=/srv v; docker run -v v:/x img", ""},
	{"docker run --name a -v /run:/r img\ndocker run --volumes-from a img",
	 "1 mount directory-bind -v /run:/r|2 mount directory-bind --volumes-from a|"},
	{"docker run --name a img; docker run --volumes-from a:ro img", ""},
	{"docker run --volumes-from b img", "1 undecided unknown --volumes-from b|"},
	{"docker run -v ./docker.sock:/x img", "1 mount socket-bind -v ./docker.sock:/x|"},
	{"docker run -v ~/.docker/run/docker.sock:/x img",
	 "1 mount socket-bind -v ~/.docker/run/docker.sock:/x|"},
	/* powers */
	{"docker run --privileged img", "1 privileged proc-root --privileged|"},
	{"docker run --privileged=true img", "1 privileged proc-root --privileged=true|"},
	{"docker run --privileged=false img", ""},
	{"docker run --pid host img", "1 host-pid proc-root --pid host|"},
	{"docker run --pid=container:x img", ""},
	{"docker run --use-api-socket img", "1 api-socket socket-bind --use-api-socket|"},
	{"docker run -e DOCKER_HOST=tcp://h:2375 img", "1 tcp tcp -e DOCKER_HOST=tcp://h:2375|"},
	{"docker run --env=DOCKER_HOST=$H img", "1 undecided unknown --env=DOCKER_HOST=$H|"},
	{"docker run -e DOCKER_HOST=unix:///x img", ""},
	/* commands */
	{"sudo -E /usr/bin/docker -H tcp://x --log-level debug container run -v /run:/x img",
	 "1 mount directory-bind -v /run:/x|"},
	{"podman --root /x create -v /run/podman/podman.sock:/x img",
	 "1 mount socket-bind -v /run/podman/podman.sock:/x|"},
	{"nerdctl -n k8s.io run -v /run/containerd/containerd.sock:/x img",
	 "1 mount socket-bind -v /run/containerd/containerd.sock:/x|"},
	{"docker service create --mount type=bind,src=/run/docker.sock,dst=/x img",
	 "1 mount socket-bind --mount type=bind,src=/run/docker.sock,dst=/x|"},
	{"docker compose -f a.yml run --rm -v /run:/x web", "1 mount directory-bind -v /run:/x|"},
	{"docker-compose -p x run -T -v /run:/x web sh", "1 mount directory-bind -v /run:/x|"},
	{"ssh host 'docker run -v /run:/x img'", "1 mount directory-bind -v /run:/x|"},
	{"bash -lc \"podman run \\\n --privileged img\"", "1 privileged proc-root --privileged|"},
	{"id=$(docker run -d -v /run:/x img)", "1 mount directory-bind -v /run:/x|"},
	{"a=`docker create -v /run:/x img`", "1 mount directory-bind -v /run:/x|"},
	{"if true; then docker run -v /run:/x img; fi", "1 mount directory-bind -v /run:/x|"},
	{"x && (cd y; docker run -v /run:/x img) || z", "1 mount directory-bind -v /run:/x|"},
	{"- docker run -v /run:/x img", "1 mount directory-bind -v /run:/x|"},
	{"$ docker run -v /run:/x img", "1 mount directory-bind -v /run:/x|"},
	{"docker run \\\n  --rm \\\n  -v \\\n  /run:/x \\\n img",
	 "3 mount directory-bind -v /run:/x|"},
	{"docker run \\\r\n  -v /run:/x img\r\n", "2 mount directory-bind -v /run:/x|"},
	{"bash <<'E'\n\ndocker run -v /run:/x img\nE\ndocker run --pid=host img",
	 "3 mount directory-bind -v /run:/x|5 host-pid proc-root --pid=host|"},
	/* variables */
	{"S=/var/run/docker.sock\ndocker run -v \"$S:$S\" img", "2 mount socket-bind -v $S:$S|"},
	{"docker run -v ${S:-/run/docker.sock}:/x img",
	 "1 mount socket-bind -v ${S:-/run/docker.sock}:/x|"},
	{"docker run -v ${A:-${B:-/run}}:/x img", "1 mount directory-bind -v ${A:-${B:-/run}}:/x|"},
	{"docker run -v $A:/x img", "1 undecided unknown -v $A:/x|"},
	{"docker run -v $A/data:/x img", ""},
	{"docker run -v $XDG_RUNTIME_DIR/docker.sock:/x img",
	 "1 mount socket-bind -v $XDG_RUNTIME_DIR/docker.sock:/x|"},
	{"O='-v /run:/x --rm'\ndocker run $O img", "2 mount directory-bind -v /run:/x|"},
	{"O=\"$O --privileged\"; docker run $O img",
	 "1 undecided unknown ?|1 privileged proc-root --privileged|"},
	{"docker run $OPTS img", "1 undecided unknown $OPTS|"},
	{"docker run $IMAGE", ""},
	{"docker run --rm \"$IMAGE\" sh", ""},
	{"docker run \"$@\"", "1 undecided unknown $@|"},
	{"a=(-v /run:/x\n --rm)\na+=(--pid=host)\ndocker run \"${a[@]}\" img",
	 "4 mount directory-bind -v /run:/x|4 host-pid proc-root --pid=host|"},
	{"export A=/run B=/x; docker run -v $A:$B img", "1 mount directory-bind -v $A:$B|"},
	{"A=/run/docker.sock\n[ -e $A ] || A=/tmp/x\ndocker run -v $A:/x img",
	 "3 mount socket-bind -v $A:/x|"},
	{"SOCK := /run/docker.sock\nrun:\n\tdocker run -v $(SOCK):/x -v $$(pwd):/y img",
	 "3 mount socket-bind -v $(SOCK):/x|"},
	{"docker run -v ${{ github.workspace }}:/x -v ${{ inputs.y }}:/y img",
	 "1 undecided unknown -v ${{ inputs.y }}:/y|"},
	{"C='docker run -v /run:/x img'; eval \"$C\"; $C", "1 mount directory-bind -v /run:/x|"},
	{"if a; then S=/tmp; else S=/run/docker.sock; fi; docker run -v $S:/x i",
	 "1 mount socket-bind -v $S:/x|"},
	{"for s in /tmp /run; do docker run -v $s:/x i; done", "1 mount directory-bind -v $s:/x|"},
	{": ${S:=/run}; docker run -v $S:/x i", "1 mount directory-bind -v $S:/x|"},
	{"docker run ${P:+--privileged} i", "1 privileged proc-root ${P:+--privileged}|"},
	{"a=()\ndocker run \"${a[@]}\" -v /run:/x i", "2 mount directory-bind -v /run:/x|"},
	{"$DOCKER run -v /run:/x i", "1 mount directory-bind -v /run:/x|"},
	{"\"$(command -v podman)\" run -v /run:/x i", "1 mount directory-bind -v /run:/x|"},
	{"docker $GLOBAL run -v /run:/x i", "1 mount directory-bind -v /run:/x|"},
	{"run:\n\t@docker run -v /run:/x i", "2 mount directory-bind -v /run:/x|"},
	{"alias d='docker run -v /run:/x i'", "1 mount directory-bind -v /run:/x|"},
	{"docker run >log 2>&1 -v /run:/x i", "1 mount directory-bind -v /run:/x|"},
	{"docker run --name <name> -v /run:/x <image>", "1 mount directory-bind -v /run:/x|"},
	{"docker run -v <path>:/x i", "1 undecided unknown -v <path>:/x|"},
	{"((a<<2))\ndocker run -v /run:/x i", "2 mount directory-bind -v /run:/x|"},
	{"foo <<END\ndocker run -v /run:/x i", "2 mount directory-bind -v /run:/x|"},
	/* near misses */
	{"# docker run -v /run:/x img", ""},
	{"docker run img # -v /run:/x", ""},
	{"echo docker run -v /run:/x img", ""},
	{"echo \"docker run -v /run:/x img\"", ""},
	{"docker run img docker run -v /run:/x img", ""},
	{"docker run img -v /run:/x", ""},
	{"docker run -v ./fake.sock:/var/run/docker.sock img", ""},
	{"docker run -v docker.sock-data:/x img", ""},
	{"docker run -v /var/run/docker.sock img", ""},
	{"docker run -v $(pwd):/x -v `pwd`:/y -v $PWD/x:/z -v $HOME:/h -v \"${PWD}\":/p img", ""},
	{"docker exec -v /run:/x img", ""},
	{"docker build -v /run:/x .", ""},
	{"docker run --volume-driver /run:/x --label a=/run:/x -p 80:80 img", ""},
	{"docker run -v /run/lock:/x -v /runner:/y -v /var/lib/docker/volumes:/z img", ""},
	{"ls -v /run:/x; run -v /run:/x", ""},
	{"cat <<E\ndocker run -v /run:/x img\nE", ""},
	{"docker run --mount type=tmpfs,dst=/run img", ""},
	{"curl --unix-socket /var/run/docker.sock http://x", ""},
};

static void reads_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct found found = {""};
		const struct report report = {"f", note, &found};

		assert_int_equal(shell_read(rows[i].text, strlen(rows[i].text), 1, &report), 0);
		if (strcmp(found.text, rows[i].wanted) != 0)
			print_error("%s\n", rows[i].text);
		assert_string_equal(found.text, rows[i].wanted);
	}
}

static void reads_options(void **state)
{
	static const char text[] = "--user root\n  -v /run:/x --privileged";
	struct found found = {""};
	const struct report report = {"f", note, &found};

	(void)state;
	assert_int_equal(shell_read_options(text, strlen(text), 7, &report), 0);
	assert_string_equal(
		found.text,
		"8 mount directory-bind -v /run:/x|8 privileged proc-root --privileged|");
}

static void knows_who(void **state)
{
	static const struct {
		const char *text, *who;
	} whos[] = {
		{"docker run --privileged --name a img:1 sh", "-/a/img:1"},
		{"docker run --name=a --privileged img", "-/a/img"},
		{"docker run --privileged --name $N reg/$I:1", "-/-/-"},
		{"docker compose run --name a -v /run:/x web sh", "web/a/-"},
		{"docker service create --name a --mount type=bind,src=/run,dst=/x img", "-/a/img"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(whos) / sizeof(whos[0]); i++) {
		struct found found = {""};
		const struct report report = {"f", note, &found};

		assert_int_equal(shell_read(whos[i].text, strlen(whos[i].text), 1, &report), 0);
		assert_string_equal(found.who, whos[i].who);
	}
}

static int stop(void *ctx, const struct finding *f)
{
	(void)ctx;
	(void)f;
	return 42;
}

static void stops_when_told(void **state)
{
	const struct report report = {"f", stop, NULL};

	(void)state;
	assert_int_equal(shell_read("docker run --privileged x", 25, 1, &report), 42);
}

/* Nothing that somebody can write makes it fail, or takes it long. */
static void survives_anything(void **state)
{
	static const char *const pieces[] = {
		"docker run ", "-v ", "$",	 "(",	 "${",	     "}",
		")",	       "\"",  "'",	 "`",	 "\\",	     "\n",
		"<<E ",	       "E\n", "A=(",	 "A+=",	 "$A",	     " ",
		"#",	       "|",   "/run:/x", ":-",	 "--mount ", "type=bind,src=",
		",",	       "$@",  "img",	 "\r\n", "\001",     "\002",
		"[@]}",	       "=",
	};
	struct found found = {""};
	const struct report report = {"f", note, &found};
	char text[512];

	(void)state;
	srandom(5);
	for (int i = 0; i < 600; i++) {
		size_t n = 0;

		while (n < 300) {
			const char *piece =
				pieces[(size_t)random() % (sizeof(pieces) / sizeof(pieces[0]))];

			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", piece);
			if (random() % 40 == 0)
				break;
		}
		/* Bytes too, with NUL among them. */
		if (i % 3 == 0)
			for (int k = 0; k < 5; k++)
				text[(size_t)random() % n] = (char)random();
		found.text[0] = '\0';
		assert_int_equal(shell_read(text, n, 1, &report), 0);
		assert_int_equal(shell_read_options(text, n, 1, &report), 0);
	}
}

static void bears_depth(void **state)
{
	static const char *const opens[] = {"$(",  "`", "\"$(",	    "${A:-",
					    "A=(", "(", "sh -c \"", "$(("};
	struct found found = {""};
	const struct report report = {"f", note, &found};
	size_t size = 1 << 16;
	char *text = malloc(size + 16);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {
		size_t n = 0;

		while (n < size)
			n += (size_t)sprintf(text + n, "%s", opens[i]);
		assert_int_equal(shell_read(text, n, 1, &report), 0);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_each),	     cmocka_unit_test(reads_options),
		cmocka_unit_test(knows_who),	     cmocka_unit_test(stops_when_told),
		cmocka_unit_test(survives_anything), cmocka_unit_test(bears_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
