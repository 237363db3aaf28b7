/*
 * A run on its way from one store to another, and what can be said of it without either.
 *
 * The record (struct dj_rec_carried) holds everything by value: the key and the arguments of the
 * call, what the run rests on, what it called, and by digest what it left. Its content travels
 * beside it. What comes from an archive may be anything, so dj_carried_check() is asked before it
 * is believed, and dj_carried_files_check() about its list of files.
 *
 * Pure.
 */
#ifndef DJ_MODEL_CARRIED_H
#define DJ_MODEL_CARRIED_H

#include "lib/model/records.h"

#define DJ_CARRIED_FORMAT 1

/*
 * dj_carried_id(key, instance, ret): what a run is called in every store: a digest of its key, its
 * times, its host and what it left.
 */
void dj_carried_id(const struct dj_digest *key, const struct dj_rec_instance *instance,
                   struct dj_digest *ret);

/*
 * dj_carried_check(carried, err): its parts fit each other. -EBADMSG: damaged or forged,
 * -EPROTONOSUPPORT: of a newer format.
 */
int dj_carried_check(const struct dj_rec_carried *carried, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_carried_files_check(manifest, instance, err): the files of a run are below its folder, are
 * files, folders and links that do not lead out of it, sorted, each named once, and as many as the
 * instance says. -EBADMSG.
 */
int dj_carried_files_check(const struct dj_rec_manifest *manifest,
                           const struct dj_rec_instance *instance,
                           struct dj_err *err) DJ_MUST_CHECK;

/* dj_carried_files_digest(manifest, ret): of its files without their times: two runs with equal
 * files left the same. */
void dj_carried_files_digest(const struct dj_rec_manifest *manifest, struct dj_digest *ret);

/* dj_key_fits(task, key, args, err): the key of a call is that of these stored arguments. */
int dj_key_fits(const char *task, struct dj_bytes key, struct dj_bytes args,
                struct dj_err *err) DJ_MUST_CHECK;

#endif
