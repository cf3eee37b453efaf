/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rebuild: looking after the store as a whole. */
#include "config.h"

#include <json-c/json.h>

#include "daemon/answer.h"
#include "daemon/json.h"
#include "daemon/mender.h"
#include "daemon/method.h"

static void rebuilt(Request *r, int error) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        const Mending *mending = mender_last(r->manager->mender);

        /* Asking for it again would only fail again. */
        r->waited = true;
        if (error < 0 || !mending)
                request_store_error(r, error);
        else if (json_put(o, "rebuild", answer_rebuild(mending)) < 0)
                request_no_memory(r);
        else
                request_reply(r, TAKE_PTR(o));
}

void method_rebuild(Request *r) {
        Fields f = request_fields(r);
        int n;

        if (request_fields_finish(r, &f) < 0)
                return;

        n = mender_start(r->manager->mender, 0);
        if (n >= 0)
                n = mender_wait_for_end(r->manager->mender, r, rebuilt);
        if (n < 0)
                request_store_error(r, n);
}
