/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pins: certificates that Claws Mail keeps in files of its own, each for a host and a port. While there is
 * one, Claws Mail accepts that certificate without asking anybody. So what they say is handed to certexc,
 * and they are removed.
 */
#pragma once

/* Now, and again after a while as long as the daemon cannot be reached. */
void pins_settle(void);

/* Soon: Claws Mail writes a pin after it has accepted. */
void pins_settle_soon(void);

/* In a while: the daemon could not be reached just now. */
void pins_settle_later(void);

/* No more. */
void pins_forget(void);
