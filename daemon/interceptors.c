/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of interceptors. Behind each stands where its name, or that it intercepts, can be read
 * in public; [D] is Durumeric et al., "The Security Impact of HTTPS Interception", NDSS 2017.
 */
#include "config.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "client/cleanup.h"
#include "daemon/interceptors.h"

static const Interceptor interceptors[] = {
        /* github.com/mscdex/node-imap/issues/741, and [D] */
        { "Avast", "Avast", INTERCEPTOR_ANTIVIRUS },
        /* github.com/jstedfast/MailKit/pull/679, and [D] */
        { "AVG", "AVG", INTERCEPTOR_ANTIVIRUS },
        /* github.com/keybase/client/issues/7228, and [D] */
        { "Kaspersky", "Kaspersky", INTERCEPTOR_ANTIVIRUS },
        /* github.com/httptoolkit/httptoolkit/issues/622, and [D] */
        { "ESET", "ESET", INTERCEPTOR_ANTIVIRUS },
        /* github.com/SafeExamBrowser/seb-win/issues/62, and [D] */
        { "Bitdefender", "Bitdefender", INTERCEPTOR_ANTIVIRUS },
        /* github.com/matlab/matlab-mcp-server/issues/100 */
        { "Norton", "Norton", INTERCEPTOR_ANTIVIRUS },
        /* [D] */
        { "Dr.Web", "Dr.Web", INTERCEPTOR_ANTIVIRUS },
        { "Doctor Web", "Dr.Web", INTERCEPTOR_ANTIVIRUS },
        { "G DATA", "G DATA", INTERCEPTOR_ANTIVIRUS },
        { "BullGuard", "BullGuard", INTERCEPTOR_ANTIVIRUS },
        { "Net Nanny", "Net Nanny", INTERCEPTOR_ANTIVIRUS },
        { "Qustodio", "Qustodio", INTERCEPTOR_ANTIVIRUS },
        /* adguard.com/kb/general/https-filtering/what-is-https-filtering */
        { "AdGuard", "AdGuard", INTERCEPTOR_ANTIVIRUS },
        /* github.com/rrrrrrri/fgt-gadgets/issues/15, and [D] */
        { "Fortinet", "Fortinet FortiGate", INTERCEPTOR_GATEWAY },
        { "FortiGate", "Fortinet FortiGate", INTERCEPTOR_GATEWAY },
        /* github.com/Azure/azure-iot-explorer/issues/604 */
        { "Zscaler", "Zscaler", INTERCEPTOR_GATEWAY },
        /* [D] */
        { "Sophos", "Sophos", INTERCEPTOR_GATEWAY },
        { "Blue Coat", "Symantec Blue Coat", INTERCEPTOR_GATEWAY },
        { "Barracuda", "Barracuda", INTERCEPTOR_GATEWAY },
        { "Check Point", "Check Point", INTERCEPTOR_GATEWAY },
        { "Forcepoint", "Forcepoint", INTERCEPTOR_GATEWAY },
        { "Websense", "Forcepoint", INTERCEPTOR_GATEWAY },
        { "IronPort", "Cisco IronPort", INTERCEPTOR_GATEWAY },
        { "Untangle", "Untangle", INTERCEPTOR_GATEWAY },
        { "WebTitan", "WebTitan", INTERCEPTOR_GATEWAY },
        /* github.com/proxytunnel/proxytunnel/issues/26 */
        { "McAfee", "McAfee Web Gateway", INTERCEPTOR_GATEWAY },
        { "Skyhigh", "Skyhigh Web Gateway", INTERCEPTOR_GATEWAY },
        /* github.com/jsdelivr/www.jsdelivr.com/issues/290 */
        { "Cisco Umbrella", "Cisco Umbrella", INTERCEPTOR_GATEWAY },
        /* docs.paloaltonetworks.com, "SSL Forward Proxy" */
        { "Palo Alto Networks", "Palo Alto Networks", INTERCEPTOR_GATEWAY },
        /* github.com/D4-project/Plum-Island/issues/41 */
        { "Netskope", "Netskope", INTERCEPTOR_GATEWAY },
        { "goskope.com", "Netskope", INTERCEPTOR_GATEWAY },
        /* blog.comodo.com/comodo-news/lenovo-users-risk-man-middle-attacks-superfish */
        { "Superfish", "Superfish", INTERCEPTOR_ADWARE },
        { "Komodia", "Komodia", INTERCEPTOR_ADWARE },
        /* docs.mitmproxy.org/stable/concepts/certificates */
        { "mitmproxy", "mitmproxy", INTERCEPTOR_DEBUGGER },
        /* docs.telerik.com/fiddler-core/basic-usage/use-custom-root-certificate */
        { "DO_NOT_TRUST_FiddlerRoot", "Fiddler", INTERCEPTOR_DEBUGGER },
        /* www.charlesproxy.com/documentation/using-charles/ssl-certificates */
        { "Charles Proxy", "Charles Proxy", INTERCEPTOR_DEBUGGER },
        /* portswigger.net/burp/documentation/desktop/external-browser-config/certificate */
        { "PortSwigger", "Burp Suite", INTERCEPTOR_DEBUGGER },
};

static bool is_word(char c) {
        return isalnum((unsigned char) c);
}

/* true if @pattern stands in @text and neither end of it cuts a word. */
static bool stands_in(const char *pattern, const char *text) {
        const size_t n = strlen(pattern);

        for (const char *p = strcasestr(text, pattern); p; p = strcasestr(p + 1, pattern))
                if ((p == text || !is_word(p[-1])) && !is_word(p[n]))
                        return true;
        return false;
}

const Interceptor *interceptor_find(const char *issuer) {
        for (size_t i = 0; i < N_ELEMENTS(interceptors); i++)
                if (stands_in(interceptors[i].pattern, issuer))
                        return &interceptors[i];
        return NULL;
}
