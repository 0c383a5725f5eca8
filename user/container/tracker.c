// SPDX-License-Identifier: Apache-2.0
#include "user/container/tracker_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/container/mounted.h"
#include "user/container/shim.h"
#include "user/sensor/process.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

#define PARENTS_MAX 3

void sighting_clear(struct sighting *sighting)
{
	container_unref(sighting->container);
	free(sighting->outer_id);
	*sighting = (struct sighting){0};
}

int sighting_copy(const struct sighting *sighting, struct sighting *out)
{
	struct sighting s = *sighting;

	if (s.outer_id) {
		s.outer_id = strdup(s.outer_id);
		if (!s.outer_id)
			return -ENOMEM;
		s.attribution.outer_id = s.outer_id;
	}
	if (s.container)
		s.container = container_ref(s.container);
	*out = s;
	return 0;
}

/* --- containers ---------------------------------------------------------------- */

/*
 * Below its own cgroup a container may make what it likes, such as the path of
 * another container of this host. A real inner container is its own runtime's
 * and the host's knows nothing of it: one that it does know is a claim, and
 * what is outside it is who acted.
 */
bool tracker_owner_of(struct tracker *t, const char *cgroup, struct placed *out)
{
	AUTO_CONTAINER struct container *inner = NULL;
	struct placed p = {0};

	cgroup_parse(cgroup, &p.owner);
	if (p.owner.runtime == RUNTIME_NONE)
		return false;
	if (p.owner.candidate && !container_candidate_real(t->dirs, &p.owner))
		return false;
	if (p.owner.outer_id[0])
		inner = known_get(t->known, p.owner.runtime, p.owner.id);
	if (inner && inner->described) {
		p.claimed = true;
		p.owner.runtime = RUNTIME_UNKNOWN;
		memcpy(p.owner.id, p.owner.outer_id, sizeof(p.owner.id));
		p.owner.outer_id[0] = '\0';
	}
	*out = p;
	return true;
}

/* --- namespaces ------------------------------------------------------------------ */

static void owner_bind(struct tracker *t, const struct record *r, const struct cgroup_owner *owner,
		       bool by_cgroup)
{
	const struct ds_record *raw = &r->raw;

	/*
	 * A container has a root directory of its own. Who has the host's may have
	 * come into a service's mounts from elsewhere, and must not take them over.
	 */
	if (raw->flags & DS_F_INIT_ROOT)
		return;
	if (!(raw->flags & DS_F_INIT_MNT_NS))
		bindings_set(&t->bindings, raw->mnt_ns, owner, by_cgroup, raw);
	if (!(raw->flags & DS_F_INIT_PID_NS))
		bindings_set(&t->bindings, raw->pid_ns, owner, by_cgroup, raw);
}

static const struct binding *binding_of_mounts(const struct tracker *t, const struct ds_record *raw)
{
	return raw->flags & DS_F_INIT_MNT_NS ? NULL : bindings_find(&t->bindings, raw->mnt_ns);
}

static const struct binding *binding_of_pids(const struct tracker *t, const struct ds_record *raw)
{
	return raw->flags & DS_F_INIT_PID_NS ? NULL : bindings_find(&t->bindings, raw->pid_ns);
}

/* --- a running process ------------------------------------------------------------- */

static bool root_is_host(const struct tracker *t, uint32_t pid)
{
	struct stat st = {0};
	char path[64];

	snprintf(path, sizeof(path), "%" PRIu32 "/root/.", pid);
	return !fstatat(t->procfd, path, &st, 0) && st.st_dev == t->host_root.st_dev &&
	       st.st_ino == t->host_root.st_ino;
}

int tracker_read(const struct tracker *t, uint32_t pid, struct record *r)
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
	return process_is(t->procfd, pid, raw->start_ns) ? 0 : -ESRCH;
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
		if (process_record(t->procfd, pid, &t->ancestor))
			return false;
		if (t->ancestor.raw.mnt_ns != r->raw.mnt_ns)
			return true;
		*child = pid;
		pid = t->ancestor.raw.ppid;
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

	return t->ancestor.raw.pid_ns == INIT_PID_NS_INUM &&
	       root_is_host(t, t->ancestor.raw.tgid) &&
	       !tracker_owner_of(t, t->ancestor.cgroup, &placed);
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
	uint32_t child = 0;

	if (!parent_find(t, r, &child) ||
	    shim_read(t->procfd, t->ancestor.raw.tgid, child, &shim) || !parent_of_host(t))
		return false;
	if (t->ancestor.raw.uid && known_by_cgroup(t->known, shim.id))
		return false;
	known_set_folder(t->known, &shim);
	owner.runtime = shim.runtime;
	memcpy(owner.id, shim.id, sizeof(owner.id));
	*out = owner;
	return true;
}

/* --- who ------------------------------------------------------------------------- */

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
	/* A cgroup that is too deep to be told: the host's are not. */
	if (record_truncated(r, DS_STR_CGROUP))
		return false;
	return r->raw.flags & (DS_F_INIT_MNT_NS | DS_F_INIT_ROOT);
}

/* Of a cut path the upper end is missing: what is left was named by whoever made it so deep. */
static bool record_placed(struct tracker *t, const struct record *r, struct placed *out)
{
	return !record_truncated(r, DS_STR_CGROUP) && tracker_owner_of(t, r->cgroup, out);
}

/* Who it was, before anything is read about the container. */
struct judged {
	struct cgroup_owner owner; /* RUNTIME_NONE: the host's, or not known */
	enum attribution_by by;
	const char *anomaly;
	bool host;
};

static const char *outermost(const struct cgroup_owner *owner)
{
	return owner->outer_id[0] ? owner->outer_id : owner->id;
}

static struct judged judged_by_binding(const struct binding *b)
{
	struct judged j = {.by = ATTRIBUTED_BY_NAMESPACE};

	owner_from_binding(b, &j.owner);
	if (b->by_cgroup)
		j.anomaly = "left-cgroup";
	return j;
}

static struct judged judged_by_family(const struct cgroup_owner *family)
{
	return (struct judged){
		.owner = *family,
		.by = family->id[0] ? ATTRIBUTED_BY_ANCESTOR : ATTRIBUTED_BY_NONE,
		.anomaly = "left-cgroup",
	};
}

/*
 * Its cgroup is one container's and its namespaces are another's. It may have
 * written itself into the cgroup, or have entered the other's mounts: how it was
 * before, its nearest ancestor shows that lives in one container alone. Without
 * one, its pid namespace counts, which a process cannot change for itself.
 */
static struct judged conflict_judge(struct tracker *t, const struct record *r,
				    const struct placed *placed, const struct binding *b)
{
	struct judged j = {
		.owner = placed->owner,
		.by = ATTRIBUTED_BY_CGROUP,
		.anomaly = "foreign-namespace",
	};
	struct cgroup_owner family = {0};
	bool entered = binding_is_of(binding_of_pids(t, &r->raw), placed->owner.id);

	if (family_find(t, r, true, &family) && family.id[0]) {
		if (strcmp(family.id, placed->owner.id) != 0 && strcmp(family.id, b->id) != 0)
			return judged_by_family(&family);
		entered = !strcmp(family.id, placed->owner.id);
	}
	return entered ? j : judged_by_binding(b);
}

/*
 * Its cgroup is a container's, and nothing is known of its namespaces: the
 * container's first process, or one that has made new ones and could have come
 * from anywhere. A container of another one's runtime can have its cgroup beside
 * the other's instead of below it; one of this host's runtimes has no ancestor in
 * a container.
 */
static struct judged stranger_judge(struct tracker *t, const struct record *r,
				    const struct placed *placed)
{
	struct judged j = {
		.owner = placed->owner,
		.by = ATTRIBUTED_BY_CGROUP,
		.anomaly = placed->claimed ? "claimed-id" : NULL,
	};
	AUTO_CONTAINER struct container *container = NULL;
	struct cgroup_owner family = {0};

	if (!family_find(t, r, false, &family) || !family.id[0] ||
	    !strcmp(outermost(&family), outermost(&placed->owner)))
		return j;
	container = known_get(t->known, placed->owner.runtime, placed->owner.id);
	if (!container || container->described)
		return judged_by_family(&family);
	snprintf(j.owner.outer_id, sizeof(j.owner.outer_id), "%s", outermost(&family));
	return j;
}

/* Is the record of the process that the namespace was bound by? It may be over by now. */
static bool bound_by_itself(const struct binding *b, const struct ds_record *raw)
{
	return b->pid == raw->tgid && process_same_start(b->start_ns, raw->start_ns);
}

static struct judged record_judge(struct tracker *t, const struct record *r)
{
	const struct binding *b = binding_of_mounts(t, &r->raw);
	struct cgroup_owner owner = {0};
	struct placed placed = {0};

	b = b ? b : binding_of_pids(t, &r->raw);
	if (record_placed(t, r, &placed)) {
		/*
		 * A number that is used again: who it was bound by is gone, and speaks for
		 * nobody but itself.
		 */
		if (b && strcmp(b->id, placed.owner.id) != 0 && !bound_by_itself(b, &r->raw) &&
		    !process_runs(t->procfd, b->pid, b->start_ns))
			b = NULL;
		if (!b)
			return stranger_judge(t, r, &placed);
		if (strcmp(b->id, placed.owner.id) != 0)
			return conflict_judge(t, r, &placed, b);
		if (!placed.owner.outer_id[0] && b->outer_id)
			owner_from_binding(b, &placed.owner);
		return (struct judged){
			.owner = placed.owner,
			.by = ATTRIBUTED_BY_CGROUP,
			.anomaly = placed.claimed ? "claimed-id" : NULL,
		};
	}
	if (b)
		return judged_by_binding(b);
	if (!(r->raw.flags & DS_F_KTHREAD) && family_find(t, r, false, &owner))
		return judged_by_family(&owner);
	if (record_of_host(r))
		return (struct judged){.host = true};
	if (!mounted_owner(t->procfd, r, t->dirs, &owner))
		return (struct judged){.owner = owner, .by = ATTRIBUTED_BY_MOUNTINFO};
	return (struct judged){0};
}

static int sighting_from_judged(struct tracker *t, const struct judged *j, struct sighting *out)
{
	struct sighting s = {
		.host = j->host,
		.attribution = {.by = j->by, .anomaly = j->anomaly},
	};

	if (j->owner.id[0]) {
		s.container = known_get(t->known, j->owner.runtime, j->owner.id);
		if (!s.container)
			return -ENOMEM;
	}
	if (j->owner.id[0] && j->owner.outer_id[0]) {
		s.outer_id = strdup(j->owner.outer_id);
		if (!s.outer_id) {
			sighting_clear(&s);
			return -ENOMEM;
		}
		s.attribution.outer_id = s.outer_id;
	}
	*out = s;
	return 0;
}

int tracker_resolve(struct tracker *t, const struct record *r, struct sighting *out)
{
	struct judged j = record_judge(t, r);

	return sighting_from_judged(t, &j, out);
}

int tracker_start(struct tracker *t, const struct record *r, struct sighting *out)
{
	struct cgroup_owner told = {0};
	struct judged j = {0};
	bool by_shim = false;
	int err;

	/* The numbers may have been a container's that is gone. */
	bindings_clear(&t->bindings, r->raw.mnt_ns);
	bindings_clear(&t->bindings, r->raw.pid_ns);
	by_shim = !record_of_host(r) && shim_owner(t, r, &told);
	j = record_judge(t, r);
	/*
	 * The shim's word goes before that of the cgroup, of which anything can be
	 * asked for (--cgroup-parent of Docker, --cgroup of ctr), and of the mount
	 * table, which the process may have made itself.
	 */
	if (by_shim && strcmp(j.owner.id, told.id) != 0) {
		j = (struct judged){.owner = told, .by = ATTRIBUTED_BY_NAMESPACE};
		owner_bind(t, r, &told, false);
	} else if (j.owner.id[0]) {
		owner_bind(t, r, &j.owner,
			   by_shim ? j.by == ATTRIBUTED_BY_CGROUP
				   : j.by != ATTRIBUTED_BY_MOUNTINFO);
	}
	err = sighting_from_judged(t, &j, out);
	if (err)
		return err;
	if (j.by == ATTRIBUTED_BY_CGROUP)
		known_set_by_cgroup(t->known, j.owner.id);
	out->first = by_shim;
	return 0;
}

void tracker_cgroup(struct tracker *t, const char *cgroup)
{
	struct placed placed = {0};

	if (tracker_owner_of(t, cgroup, &placed))
		container_unref(known_get(t->known, placed.owner.runtime, placed.owner.id));
}

bool tracker_contained(struct tracker *t, uint32_t pid)
{
	struct judged j = {0};

	if (tracker_read(t, pid, &t->asked) || record_of_host(&t->asked))
		return false;
	j = record_judge(t, &t->asked);
	/* Who enters a service's mounts can make them its own, and not that service. */
	if (j.by == ATTRIBUTED_BY_NAMESPACE)
		return !(t->asked.raw.flags & DS_F_INIT_PID_NS);
	return j.owner.id[0] && j.by != ATTRIBUTED_BY_MOUNTINFO;
}

int tracker_process(struct tracker *t, uint32_t pid, struct record *r, struct sighting *out)
{
	int err = tracker_read(t, pid, r);

	return err ? err : tracker_start(t, r, out);
}

const struct container *tracker_named(struct tracker *t, const char *name)
{
	return known_named(t->known, name);
}

/* --- life -------------------------------------------------------------------------- */

int tracker_new(int procfd, struct runtime_dirs *dirs, struct tracker **out)
{
	struct tracker *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->procfd = procfd;
	t->bindings.procfd = procfd;
	t->dirs = dirs;
	t->known = known_new(dirs);
	if (!t->known) {
		free(t);
		return -ENOMEM;
	}
	/* Some sandboxes hide the first process; where we stand is then the host. */
	if (process_namespace(procfd, 1, "mnt", &t->host_mnt_ns))
		process_namespace(procfd, getpid(), "mnt", &t->host_mnt_ns);
	if (fstatat(procfd, "1/root/.", &t->host_root, 0))
		fstatat(procfd, "self/root/.", &t->host_root, 0);
	*out = t;
	return 0;
}

uint64_t tracker_take_unread(struct tracker *t)
{
	return known_take_unread(t->known);
}

void tracker_free(struct tracker *t)
{
	if (!t)
		return;
	known_free(t->known);
	families_free(t);
	bindings_free(&t->bindings);
	free(t);
}
