// SPDX-License-Identifier: Apache-2.0
#include "user/container/tracker.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <uthash.h>

#include "user/container/shim.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/clock.h"
#include "user/util/file.h"

#define CONTAINERS_MAX 8192
#define BINDINGS_MAX   32768
#define PARENTS_MAX    3
/* A container can be renamed: what is older is read again when it is needed. */
#define METADATA_AGE_NS 1000000000ULL
#define MOUNTINFO_MAX	(4 << 20)
/* PROC_PID_INIT_INO and PROC_USER_INIT_INO, include/linux/proc_ns.h: the same on every kernel. */
#define INIT_PID_NS_INUM  0xEFFFFFFCU
#define INIT_USER_NS_INUM 0xEFFFFFFDU

/* In the order of last use: uthash keeps the order of insertion. */
struct known {
	char id[CONTAINER_ID_MAX + 1];
	struct container *container;
	uint64_t read_ns;
	bool by_cgroup;	       /* it has a cgroup of its own */
	char *folder;	       /* where its own shim said that its files are, or NULL */
	enum runtime_dir kind; /* of folder */
	UT_hash_handle hh;
};

/* Whose a mount or pid namespace is. One counter numbers namespaces of all kinds. */
struct binding {
	uint32_t inum;
	char id[CONTAINER_ID_MAX + 1];
	enum runtime runtime;
	bool by_cgroup; /* its first process's cgroup told the container */
	uint32_t pid;	/* that process */
	uint64_t start_ns;
	UT_hash_handle hh;
};

struct tracker {
	int procfd;
	struct runtime_dirs *dirs;
	struct known *known;
	struct binding *bindings;
	uint32_t host_mnt_ns;
	struct stat host_root;
	struct record parent; /* the one being looked at: too large for the stack */
};

void sighting_clear(struct sighting *sighting)
{
	container_unref(sighting->container);
	sighting->container = NULL;
}

/* --- containers ---------------------------------------------------------------- */

static void known_free(struct known *k)
{
	container_unref(k->container);
	free(k->folder);
	free(k);
}

static int known_load(struct tracker *t, enum runtime runtime, const char *id,
		      const struct known *k, struct container **out)
{
	int err = container_load(t->dirs, runtime, id, out);

	if (err != -ENOENT || !k || !k->folder)
		return err;
	return container_load_from(t->dirs, k->kind, k->folder, runtime, id, out);
}

static struct container *known_get(struct tracker *t, enum runtime runtime, const char *id)
{
	AUTO_CONTAINER struct container *fresh = NULL;
	uint64_t now = clock_boot_ns();
	struct known *k = NULL;

	HASH_FIND_STR(t->known, id, k);
	if (k) {
		HASH_DEL(t->known, k);
		HASH_ADD_STR(t->known, id, k); /* the youngest now */
		if (now - k->read_ns < METADATA_AGE_NS && k->container->described)
			return container_ref(k->container);
	}
	/*
	 * What was read stays when the files are gone (with --rm they go first) or
	 * can no longer be understood.
	 */
	if (known_load(t, runtime, id, k, &fresh) && k && k->container->described) {
		container_unref(fresh);
		fresh = NULL;
	}
	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k)
			return NULL;
		snprintf(k->id, sizeof(k->id), "%s", id);
		k->container = fresh ? container_ref(fresh) : container_new(runtime, id);
		if (!k->container) {
			known_free(k);
			return NULL;
		}
		HASH_ADD_STR(t->known, id, k);
	} else if (fresh) {
		container_unref(k->container);
		k->container = container_ref(fresh);
	}
	k->read_ns = now;
	if (HASH_COUNT(t->known) > CONTAINERS_MAX) {
		struct known *oldest = t->known;

		HASH_DEL(t->known, oldest);
		known_free(oldest);
	}
	return container_ref(k->container);
}

/* Whose a cgroup is, and whether the path is to be believed. */
struct placed {
	struct cgroup_owner owner;
	bool claimed;
};

/*
 * Below its own cgroup a container may make what it likes, such as the path of
 * another container of this host. A real inner container is its own runtime's
 * and the host's knows nothing of it: one that it does know is a claim, and
 * what is outside it is who acted.
 */
static bool cgroup_owner_find(struct tracker *t, const char *cgroup, struct placed *out)
{
	AUTO_CONTAINER struct container *inner = NULL;
	struct placed p = {0};

	cgroup_parse(cgroup, &p.owner);
	if (p.owner.runtime == RUNTIME_NONE)
		return false;
	if (p.owner.candidate && !container_candidate_real(t->dirs, &p.owner))
		return false;
	if (p.owner.outer_id[0])
		inner = known_get(t, p.owner.runtime, p.owner.id);
	if (inner && inner->described) {
		p.claimed = true;
		p.owner.runtime = RUNTIME_UNKNOWN;
		memcpy(p.owner.id, p.owner.outer_id, sizeof(p.owner.id));
		p.owner.outer_id[0] = '\0';
	}
	*out = p;
	return true;
}

static bool root_is_host(const struct tracker *t, uint32_t pid)
{
	struct stat st = {0};
	char path[64];

	snprintf(path, sizeof(path), "%" PRIu32 "/root/.", pid);
	return !fstatat(t->procfd, path, &st, 0) && st.st_dev == t->host_root.st_dev &&
	       st.st_ino == t->host_root.st_ino;
}

/* --- its parent: a shim of the host's ------------------------------------------ */

/*
 * The process that has started a container's first one: its parent, or above a
 * first process of the runtime's own (nspawn's --as-pid2). *child is who it has started.
 */
static bool parent_find(struct tracker *t, const struct record *r, uint32_t *child)
{
	uint32_t pid = r->raw.ppid;

	*child = r->raw.tgid;
	if (!process_is(t->procfd, pid, r->raw.parent_start_ns))
		return false;
	for (int up = 0; up < PARENTS_MAX; up++) {
		if (process_record(t->procfd, pid, &t->parent))
			return false;
		if (t->parent.raw.mnt_ns != r->raw.mnt_ns)
			return true;
		*child = pid;
		pid = t->parent.raw.ppid;
	}
	return false;
}

/*
 * Who can be a shim of the host's: its root directory, its pid namespace, in no
 * container. In a container everybody may call himself conmon.
 */
static bool parent_of_host(struct tracker *t)
{
	struct placed placed = {0};

	return t->parent.raw.pid_ns == INIT_PID_NS_INUM && root_is_host(t, t->parent.raw.tgid) &&
	       !cgroup_owner_find(t, t->parent.cgroup, &placed);
}

/* Keep what the shim says of the files, should they be in no usual place. */
static void known_set_folder(struct tracker *t, const struct shim *shim)
{
	AUTO_CONTAINER struct container *c = known_get(t, shim->runtime, shim->id);
	struct known *k = NULL;

	HASH_FIND_STR(t->known, shim->id, k);
	if (!k || k->folder || k->container->described || !shim->folder[0])
		return;
	k->folder = strdup(shim->folder);
	k->kind = shim->kind;
}

/*
 * The parent of a container's first process. Users of the host start such
 * processes as well, for their own containers: of one that has a cgroup, which
 * this process is not in, their word does not count.
 */
static bool shim_owner(struct tracker *t, const struct record *r, struct cgroup_owner *out)
{
	struct cgroup_owner owner = {0};
	struct shim shim = {0};
	struct known *k = NULL;
	uint32_t child = 0;

	if (!parent_find(t, r, &child) || shim_read(t->procfd, t->parent.raw.tgid, child, &shim) ||
	    !parent_of_host(t))
		return false;
	HASH_FIND_STR(t->known, shim.id, k);
	if (t->parent.raw.uid && k && k->by_cgroup)
		return false;
	known_set_folder(t, &shim);
	owner.runtime = shim.runtime;
	memcpy(owner.id, shim.id, sizeof(owner.id));
	*out = owner;
	return true;
}

/* --- the last resort: its own mount table -------------------------------------- */

static bool id_is_hex(const char *id)
{
	for (int i = 0; i < 64; i++)
		if (!isdigit((unsigned char)id[i]) && !(id[i] >= 'a' && id[i] <= 'f'))
			return false;
	return id[64] == '/';
}

/* Docker and podman bind a container's resolv.conf, hosts and hostname from its own folder. */
static bool mountinfo_owner(struct tracker *t, const struct record *r, struct cgroup_owner *out)
{
	static const struct {
		const char *before;
		enum runtime runtime;
	} marks[] = {
		/* <driver>-containers */
		{"-containers/", RUNTIME_PODMAN},
		{"/containers/", RUNTIME_DOCKER},
	};
	AUTO_FREE char *text = NULL;
	char path[64];

	if (!process_is(t->procfd, r->raw.tgid, r->raw.start_ns))
		return false;
	snprintf(path, sizeof(path), "%" PRIu32 "/mountinfo", r->raw.tgid);
	if (file_read(t->procfd, path, MOUNTINFO_MAX, &text, NULL))
		return false;
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		for (const char *p = text; (p = strstr(p, marks[i].before));) {
			p += strlen(marks[i].before);
			if (!id_is_hex(p))
				continue;
			memset(out, 0, sizeof(*out));
			out->runtime = marks[i].runtime;
			memcpy(out->id, p, 64);
			return true;
		}
	}
	return false;
}

/* --- namespaces ------------------------------------------------------------------ */

static struct binding *binding_find(const struct tracker *t, uint32_t inum)
{
	struct binding *b = NULL;

	HASH_FIND(hh, t->bindings, &inum, sizeof(inum), b);
	return b;
}

static void binding_drop(struct tracker *t, struct binding *b)
{
	HASH_DEL(t->bindings, b);
	free(b);
}

/* Does a binding still stand? Its number is given out again once the namespace is gone. */
static bool binding_alive(const struct tracker *t, const struct binding *b)
{
	return process_is(t->procfd, b->pid, b->start_ns);
}

static void binding_set(struct tracker *t, uint32_t inum, const struct cgroup_owner *owner,
			bool by_cgroup, const struct record *r)
{
	struct binding *b = binding_find(t, inum);

	/*
	 * A first exec in another cgroup is no new container while the one that
	 * the namespace was made for still runs: somebody moved.
	 */
	if (b && strcmp(b->id, owner->id) && binding_alive(t, b))
		return;
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return;
		b->inum = inum;
		HASH_ADD(hh, t->bindings, inum, sizeof(inum), b);
	} else if (!strcmp(b->id, owner->id) && binding_alive(t, b)) {
		return;
	}
	memcpy(b->id, owner->id, sizeof(b->id));
	b->runtime = owner->runtime;
	b->by_cgroup = by_cgroup;
	b->pid = r->raw.tgid;
	b->start_ns = r->raw.start_ns;
	if (HASH_COUNT(t->bindings) > BINDINGS_MAX)
		binding_drop(t, t->bindings);
}

static void binding_clear(struct tracker *t, uint32_t inum)
{
	struct binding *b = binding_find(t, inum);

	if (b && !binding_alive(t, b))
		binding_drop(t, b);
}

static void owner_bind(struct tracker *t, const struct record *r, const struct cgroup_owner *owner,
		       bool by_cgroup)
{
	if (!(r->raw.flags & DS_F_INIT_MNT_NS))
		binding_set(t, r->raw.mnt_ns, owner, by_cgroup, r);
	if (!(r->raw.flags & DS_F_INIT_PID_NS))
		binding_set(t, r->raw.pid_ns, owner, by_cgroup, r);
}

/* --- who ------------------------------------------------------------------------- */

static int sighting_set(struct tracker *t, enum runtime runtime, const char *id,
			enum attribution_by by, struct sighting *out)
{
	struct sighting s = {.attribution.by = by};
	struct known *k = NULL;

	s.container = known_get(t, runtime, id);
	if (!s.container)
		return -ENOMEM;
	HASH_FIND_STR(t->known, id, k);
	if (k && by == ATTRIBUTED_BY_CGROUP)
		k->by_cgroup = true;
	*out = s;
	return 0;
}

static int sighting_from_binding(struct tracker *t, const struct binding *b, struct sighting *out)
{
	int err = sighting_set(t, b->runtime, b->id, ATTRIBUTED_BY_NAMESPACE, out);

	if (!err && b->by_cgroup)
		out->attribution.anomaly = "left-cgroup";
	return err;
}

/*
 * Nothing points to a container. Host it is only when its namespaces say so as
 * well: a service with private mounts keeps the host's root directory. Kernel
 * threads carry nobody's namespaces (io_uring before 5.12 works through them).
 */
static bool record_of_host(const struct record *r)
{
	if (r->raw.flags & DS_F_KTHREAD)
		return false;
	if (!(r->raw.flags & DS_F_INIT_PID_NS))
		return false;
	return r->raw.flags & (DS_F_INIT_MNT_NS | DS_F_INIT_ROOT);
}

int tracker_resolve(struct tracker *t, const struct record *r, struct sighting *out)
{
	struct cgroup_owner mounted = {0};
	struct placed placed = {0};
	const struct binding *b = NULL;
	bool owned = cgroup_owner_find(t, r->cgroup, &placed);
	int err;

	if (!(r->raw.flags & DS_F_INIT_MNT_NS))
		b = binding_find(t, r->raw.mnt_ns);
	if (!b && !owned && !(r->raw.flags & DS_F_INIT_PID_NS))
		b = binding_find(t, r->raw.pid_ns);
	if (b && (!owned || strcmp(b->id, placed.owner.id)))
		return sighting_from_binding(t, b, out);
	if (owned) {
		err = sighting_set(t, placed.owner.runtime, placed.owner.id, ATTRIBUTED_BY_CGROUP,
				   out);
		if (err)
			return err;
		memcpy(out->attribution.outer_id, placed.owner.outer_id,
		       sizeof(out->attribution.outer_id));
		if (placed.claimed)
			out->attribution.anomaly = "claimed-id";
		return 0;
	}
	if (record_of_host(r)) {
		*out = (struct sighting){.host = true};
		return 0;
	}
	if (mountinfo_owner(t, r, &mounted))
		return sighting_set(t, mounted.runtime, mounted.id, ATTRIBUTED_BY_MOUNTINFO, out);
	*out = (struct sighting){0};
	return 0;
}

int tracker_start(struct tracker *t, const struct record *r, struct sighting *out)
{
	struct cgroup_owner told = {0};
	struct placed placed = {0};
	bool owned = cgroup_owner_find(t, r->cgroup, &placed);
	bool by_shim = !record_of_host(r) && shim_owner(t, r, &told);
	int err;

	/*
	 * The shim's word goes before that of the cgroup, of which anything can be
	 * asked for (--cgroup-parent of Docker, --cgroup of ctr), and that goes
	 * before the mount table, which the process may have made itself.
	 */
	if (by_shim) {
		if (owned && !strcmp(told.id, placed.owner.id))
			owner_bind(t, r, &placed.owner, true);
		else
			owner_bind(t, r, &told, false);
	} else if (owned) {
		owner_bind(t, r, &placed.owner, true);
	} else if (!record_of_host(r) && mountinfo_owner(t, r, &told)) {
		owner_bind(t, r, &told, false);
	} else {
		/* The number may have been a container's that is gone. */
		binding_clear(t, r->raw.mnt_ns);
		binding_clear(t, r->raw.pid_ns);
	}
	err = tracker_resolve(t, r, out);
	if (!err)
		out->first = by_shim;
	return err;
}

void tracker_cgroup(struct tracker *t, const char *cgroup)
{
	struct placed placed = {0};

	if (cgroup_owner_find(t, cgroup, &placed))
		container_unref(known_get(t, placed.owner.runtime, placed.owner.id));
}

bool tracker_contained(struct tracker *t, uint32_t pid)
{
	struct placed placed = {0};
	char cgroup[DS_CGROUP_MAX + 1];

	return !process_cgroup(t->procfd, pid, cgroup) && cgroup_owner_find(t, cgroup, &placed);
}

int tracker_process(struct tracker *t, uint32_t pid, struct record *r, struct sighting *out)
{
	struct ds_record *raw = &r->raw;
	int err = process_record(t->procfd, pid, r);

	if (err)
		return err;
	if (raw->mnt_ns == t->host_mnt_ns)
		raw->flags |= DS_F_INIT_MNT_NS;
	if (raw->pid_ns == INIT_PID_NS_INUM)
		raw->flags |= DS_F_INIT_PID_NS;
	if (raw->user_ns == INIT_USER_NS_INUM)
		raw->flags |= DS_F_INIT_USER_NS;
	if (root_is_host(t, pid))
		raw->flags |= DS_F_INIT_ROOT;
	return tracker_start(t, r, out);
}

/* --- life -------------------------------------------------------------------------- */

int tracker_new(int procfd, struct runtime_dirs *dirs, struct tracker **out)
{
	struct tracker *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->procfd = procfd;
	t->dirs = dirs;
	/* Some sandboxes hide the first process; where we stand is then the host. */
	if (process_namespace(procfd, 1, "mnt", &t->host_mnt_ns))
		process_namespace(procfd, getpid(), "mnt", &t->host_mnt_ns);
	if (fstatat(procfd, "1/root/.", &t->host_root, 0))
		fstatat(procfd, "self/root/.", &t->host_root, 0);
	*out = t;
	return 0;
}

void tracker_free(struct tracker *t)
{
	struct known *k = NULL, *ktmp = NULL;
	struct binding *b = NULL, *btmp = NULL;

	if (!t)
		return;
	HASH_ITER(hh, t->known, k, ktmp)
	{
		HASH_DEL(t->known, k);
		known_free(k);
	}
	HASH_ITER(hh, t->bindings, b, btmp)
	binding_drop(t, b);
	free(t);
}
