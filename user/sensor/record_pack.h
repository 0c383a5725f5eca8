/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOCKSNOOP_RECORD_PACK_H
#define DOCKSNOOP_RECORD_PACK_H

#include "user/sensor/record.h"

/* A record in as little memory as its strings take, for those that are kept. */
struct record_pack;

struct record_pack *record_pack(const struct record *record); /* free(3); NULL without memory */
const struct ds_record *record_pack_raw(const struct record_pack *pack);
void record_unpack(const struct record_pack *pack, struct record *out);

#endif
