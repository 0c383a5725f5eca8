// SPDX-License-Identifier: Apache-2.0
#include "user/output/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "user/output/chain.h"
#include "user/output/sink_impl.h"
#include "user/util/cleanup.h"
#include "user/util/file.h"

/* A file of our own, whose lines are a chain. */
struct file_sink {
	struct sink base;
	char *path;
	int fd;
	bool midline; /* what was written last does not end a line */
	struct chain chain;
	bool chained;  /* there were records in the file when it was opened first */
	time_t looked; /* whether the path still leads to it */
	bool strayed;  /* it did not, when that was looked at last */
	/* of this file, for when it is deleted */
	uint64_t lines;
	uint64_t accesses;
};

struct opened {
	int fd;
	bool midline;
	struct chain chain;
	bool chained; /* it had records, with which the chain goes on */
	struct stat st;
};

/* How our own records begin: a piece of one can be taken away, anything else stays. */
static bool piece_is_ours(int fd, off_t at, size_t len)
{
	static const char begin[] = "{\"@timestamp\":\"";
	char found[sizeof(begin)] = "";
	size_t n = len < sizeof(begin) - 1 ? len : sizeof(begin) - 1;

	return pread(fd, found, n, at) == (ssize_t)n && !memcmp(found, begin, n);
}

static int log_open(const char *path, struct opened *out)
{
	/*
	 * O_NOFOLLOW: where others may write the folder, a link must not lead
	 * our lines elsewhere. O_NONBLOCK: a FIFO of that name does not stop us.
	 */
	AUTO_CLOSE int fd = open(
		path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		0600);
	struct opened o = {.fd = -1};
	size_t torn = 0;
	int err;

	if (fd < 0 || fstat(fd, &o.st))
		return -errno;
	if (!S_ISREG(o.st.st_mode))
		return -EINVAL;
	/* Two chains in one file would be none. */
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	err = chain_resume(fd, &o.chain, &torn);
	if (err && err != -EBADMSG)
		return err;
	o.chained = !err && o.st.st_size > 0;
	/* by a docksnoop that was killed: no half lines */
	if (torn && piece_is_ours(fd, o.st.st_size - torn, torn) &&
	    !ftruncate(fd, o.st.st_size - torn)) {
		o.st.st_size -= torn;
		torn = 0;
	}
	o.midline = torn > 0;
	o.fd = take_fd(&fd);
	*out = o;
	return 0;
}

/* Did the line that was being written when docksnoop was killed get out? */
static void file_sink_account(struct sink *base)
{
	struct file_sink *sink = (struct file_sink *)base;
	struct ledger_sink *a = base->account;
	struct stat st = {0};

	if (a->end && !fstat(sink->fd, &st) && a->device == st.st_dev && a->inode == st.st_ino &&
	    (uint64_t)st.st_size >= a->end)
		sink_settle(base, a->settling);
	a->end = 0;
	/* It was killed after its file had been renamed: the chain goes on in this one. */
	if (!sink->chained && a->head[0])
		memcpy(sink->chain.hash, a->head, sizeof(sink->chain.hash));
}

static void file_adopt(struct file_sink *sink, struct opened *o, bool first)
{
	cleanup_close(&sink->fd);
	sink->fd = o->fd;
	sink->midline = o->midline;
	/* A chain that is under way goes on in the new file; so does one in the file itself. */
	if (o->chained || first)
		sink->chain = o->chain;
	sink->lines = 0;
	sink->accesses = 0;
	sink->strayed = false;
	sink->looked = time(NULL);
}

static int file_sink_reopen(struct sink *base)
{
	struct file_sink *sink = (struct file_sink *)base;
	struct stat old = {0};
	struct opened o = {.fd = -1};
	int err;

	/* The same file once more: it is locked, by us. */
	if (!fstat(sink->fd, &old) && !stat(sink->path, &o.st) && o.st.st_dev == old.st_dev &&
	    o.st.st_ino == old.st_ino)
		return 0;
	/* the old one goes on being written rather than none */
	err = log_open(sink->path, &o);
	if (!err)
		file_adopt(sink, &o, false);
	return err;
}

/* It was deleted, and all that was in it with it. */
static int file_replace(struct file_sink *sink)
{
	uint64_t lines = sink->lines;
	uint64_t accesses = sink->accesses;
	int err = file_sink_reopen(&sink->base);

	if (err)
		return err;
	sink->base.gone.what = "the file was deleted";
	sink->base.gone.lines += lines;
	sink->base.gone.accesses += accesses;
	return 0;
}

/*
 * Is it still what the path leads to? One that was deleted is left at once; where another
 * lies in its place, or none, whoever renamed it is given a moment to say so (SIGHUP).
 * *out is how the file is that is to be written to now.
 */
static int file_check(struct file_sink *sink, struct stat *out)
{
	struct stat own = {0}, there = {0};
	time_t now = time(NULL);
	bool strayed;
	int err = 0;

	if (fstat(sink->fd, &own))
		return -errno;
	if (own.st_nlink && now == sink->looked) {
		*out = own;
		return 0;
	}
	if (!own.st_nlink) {
		err = file_replace(sink);
	} else {
		sink->looked = now;
		strayed = lstat(sink->path, &there) || there.st_dev != own.st_dev ||
			  there.st_ino != own.st_ino;
		if (strayed && sink->strayed)
			(void)file_sink_reopen(&sink->base);
		else
			sink->strayed = strayed;
	}
	if (!err && fstat(sink->fd, out))
		err = -errno;
	return err;
}

static int file_sink_look(struct sink *base)
{
	struct stat st = {0};

	return file_check((struct file_sink *)base, &st);
}

/* The whole line or nothing of it; @st: how the file is. */
static int file_append(struct file_sink *sink, const struct stat *st, const char *text, size_t len,
		       uint64_t accesses)
{
	struct ledger_sink *a = sink->base.account;
	size_t done = 0;
	int err = 0;

	if (a) {
		a->settling = accesses;
		a->device = st->st_dev;
		a->inode = st->st_ino;
		__atomic_store_n(&a->end, (uint64_t)st->st_size + len, __ATOMIC_RELEASE);
	}
	while (done < len && !err) {
		ssize_t n = write(sink->fd, text + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			err = -EIO;
		else if (errno != EINTR)
			err = -errno;
	}
	if (err && done && ftruncate(sink->fd, st->st_size))
		sink->midline = true;
	if (a && err)
		a->end = 0;
	return err;
}

static int file_sink_write(struct sink *base, const char *line, uint64_t accesses)
{
	struct file_sink *sink = (struct file_sink *)base;
	char hash[CHAIN_HASH_SIZE] = "";
	AUTO_FREE char *sealed = NULL;
	AUTO_FREE char *text = NULL;
	struct stat st = {0};
	int err = file_check(sink, &st);

	err = err ? err : chain_seal(&sink->chain, line, &sealed, hash);
	err = err ? err : str_format(&text, "%s%s\n", sink->midline ? "\n" : "", sealed);
	err = err ? err : file_append(sink, &st, text, strlen(text), accesses);
	if (err)
		return err;
	sink->midline = false;
	chain_advance(&sink->chain, hash);
	if (base->account)
		memcpy(base->account->head, hash, sizeof(hash));
	sink->lines++;
	sink->accesses += accesses;
	sink_settle(base, accesses);
	if (base->account)
		base->account->end = 0;
	return 0;
}

static int file_sink_render(const struct sink *base, const struct event *event, const char *json,
			    char **line)
{
	(void)base;
	(void)event;
	*line = strdup(json);
	return *line ? 0 : -ENOMEM;
}

static const char *file_sink_head(const struct sink *base)
{
	return ((const struct file_sink *)base)->chain.hash;
}

static void file_sink_free(struct sink *base)
{
	struct file_sink *sink = (struct file_sink *)base;

	cleanup_close(&sink->fd);
	free(sink->path);
	free(sink);
}

int sink_open_file(const char *path, struct sink **out)
{
	static const struct sink_ops ops = {
		.render = file_sink_render,
		.write = file_sink_write,
		.reopen = file_sink_reopen,
		.look = file_sink_look,
		.account = file_sink_account,
		.head = file_sink_head,
		.free = file_sink_free,
	};
	AUTO_FREE struct file_sink *sink = calloc(1, sizeof(*sink));
	AUTO_FREE char *copy = strdup(path);
	struct opened o = {.fd = -1};
	int err = 0;

	if (!sink || !copy)
		return -ENOMEM;
	err = log_open(path, &o);
	if (err)
		return err;
	sink->fd = -1;
	sink->chained = o.chained;
	file_adopt(sink, &o, true);
	sink->base.ops = &ops;
	sink->base.name = "file";
	sink->path = take_ptr(copy);
	*out = &take_ptr(sink)->base;
	return 0;
}
