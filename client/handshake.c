/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Failed handshakes in words. */
#include "config.h"

#include <gnutls/gnutls.h>
#include <string.h>

#include "client/handshake.h"
#include "client/i18n.h"

/* TLS records (RFC 8446, section 5.1) as far as they tell a version. */
#define RECORD_ALERT 0x15
#define RECORD_HANDSHAKE 0x16
#define SERVER_HELLO 0x02

static const char *version_name(uint8_t minor) {
        switch (minor) {
        case 0:
                return "SSL 3.0";
        case 1:
                return "TLS 1.0";
        case 2:
                return "TLS 1.1";
        default:
                return NULL;
        }
}

/* The version that the server's first record speaks, if it is an old one; NULL otherwise. */
static const char *old_version(const uint8_t *first, size_t n) {
        if (n >= 11 && first[0] == RECORD_HANDSHAKE && first[5] == SERVER_HELLO && first[9] == 3)
                return version_name(first[10]);
        /* Every version before 1.3 may put an older one into the records of the first flight; SSL
         * 3.0 is the only one that nobody does for the sake of others. */
        if (n >= 3 && first[0] == RECORD_ALERT && first[1] == 3 && first[2] == 0)
                return version_name(0);
        return NULL;
}

/* Returns what fault_set() did, its hint being that no exception can help. */
static int outdated(Fault *fault, int r) {
        if (r == -ENOMEM)
                return r;
        fault->kind = FAULT_OUTDATED;
        fault_hint(fault, "This is not about its certificate, and no exception can help: whoever "
                            "runs the server must bring its software up to date.");
        return r;
}

static int fault_of_alert(Fault *fault, int alert, const char *version) {
        const char *name = gnutls_alert_get_name((gnutls_alert_description_t) alert);

        if (version)
                return outdated(fault,
                                fault_set(fault, FAULT_OUTDATED,
                                          "The server speaks only %s, which is not safe.",
                                          version));
        if (alert == GNUTLS_A_PROTOCOL_VERSION)
                return outdated(fault, fault_set(fault, FAULT_OUTDATED,
                                                 "The server refuses every version of TLS that "
                                                   "is safe; it speaks only older ones."));
        if (alert == GNUTLS_A_INSUFFICIENT_SECURITY)
                return outdated(fault, fault_set(fault, FAULT_OUTDATED,
                                                 "The server and this computer have no kind of "
                                                   "encryption in common."));
        (void) fault_set(fault, FAULT_HANDSHAKE, "The server broke off the TLS handshake: %s.",
                         name ? name : _("an alert without a name"));
        if (alert == GNUTLS_A_HANDSHAKE_FAILURE)
                fault_hint(fault, "It may speak only old versions of TLS or kinds of encryption, "
                                    "or want a certificate from you. Its own certificate is not the "
                                    "reason.");
        return -ECONNABORTED;
}

int handshake_error(Fault *fault, FaultKind kind, const char *what, int error) {
        const char *text = gnutls_strerror(error);
        size_t n = strlen(text);

        /* GnuTLS ends its sentences itself, most of them. */
        if (n > 0 && text[n - 1] == '.')
                n--;
        return fault_set(fault, kind, "%s: %.*s.", what, (int) n, text);
}

int handshake_fault(Fault *fault, int error, int alert, const uint8_t *first, size_t n_first) {
        const char *version = old_version(first, n_first);

        if (alert != HANDSHAKE_NO_ALERT)
                return fault_of_alert(fault, alert, version);

        switch (error) {
        case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
                return fault_of_alert(fault, GNUTLS_A_PROTOCOL_VERSION, version);
        case GNUTLS_E_SAFE_RENEGOTIATION_FAILED:
        case GNUTLS_E_UNSAFE_RENEGOTIATION_DENIED:
                return outdated(fault, fault_set(fault, FAULT_OUTDATED,
                                                 "The server renegotiates connections in a way "
                                                   "that lets others speak in your name (it does "
                                                   "not know RFC 5746)."));
        case GNUTLS_E_DH_PRIME_UNACCEPTABLE:
        case GNUTLS_E_INSUFFICIENT_SECURITY:
        case GNUTLS_E_NO_CIPHER_SUITES:
        case GNUTLS_E_UNKNOWN_CIPHER_SUITE:
        case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
        case GNUTLS_E_UNWANTED_ALGORITHM:
                return outdated(fault, fault_set(fault, FAULT_OUTDATED,
                                                 "The server offers only encryption that is too "
                                                   "weak to be safe."));
        default:
                return handshake_error(fault, FAULT_HANDSHAKE, _("The TLS handshake failed"), error);
        }
}
