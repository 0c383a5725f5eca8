/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_ATTEMPT_H
#define DOCKSNOOP_ATTEMPT_H

#include "user/sensor/record.h"

/*
 * A connect that failed, known by its name alone (DS_F_BY_NAME): what lies there
 * as its process sees it now, while it lives. Fills in the record's socket_dev
 * and socket_ino where it is a socket's file. Where the kernel did not tell the
 * result (DS_F_UNANSWERED), the one that follows from what is found: -ENOENT,
 * -ECONNREFUSED where something else lies, -EACCES where its mode keeps the
 * process out; else it stays 0. A moment ago something else may have been there.
 */
void attempt_look(int procfd, struct record *record);

#endif
