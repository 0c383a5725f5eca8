/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_CLEANUP_H
#define DOCKSNOOP_CLEANUP_H

/*
 * Ownership by scope: a variable marked with one of these is released when it
 * goes out of scope. Hand the value on with take_ptr() or take_fd().
 */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define AUTO_FREE     CLEANUP(cleanup_free)
#define AUTO_CLOSE    CLEANUP(cleanup_close)
#define AUTO_FCLOSE   CLEANUP(cleanup_fclose)
#define AUTO_CLOSEDIR CLEANUP(cleanup_closedir)

#define take_ptr(p)                                                                                \
	({                                                                                         \
		typeof(p) __t = (p);                                                               \
		(p) = NULL;                                                                        \
		__t;                                                                               \
	})

static inline int take_fd(int *fd)
{
	int t = *fd;

	*fd = -1;
	return t;
}

#endif
