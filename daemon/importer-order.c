/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way of an order to the importer: which descriptors go along, and the descriptors; and of its report back. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "client/cleanup.h"
#include "daemon/importer.h"

enum { MISSING, COMES, CLOSED };

typedef struct Order {
        uint8_t has[_IMPORT_FD_MAX];
} Order;

int import_order_send(int socket_fd, const int fds[static _IMPORT_FD_MAX]) {
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(_IMPORT_FD_MAX * sizeof(int))] = {};
        int sent[_IMPORT_FD_MAX];
        Order order = {};
        struct iovec iov = { &order, sizeof(order) };
        struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
        struct cmsghdr *header;
        size_t n = 0;

        for (unsigned i = 0; i < _IMPORT_FD_MAX; i++)
                if (fds[i] >= 0) {
                        order.has[i] = COMES;
                        sent[n++] = fds[i];
                } else if (fds[i] == IMPORT_FD_CLOSED)
                        order.has[i] = CLOSED;
        if (n > 0) {
                message.msg_control = control;
                message.msg_controllen = CMSG_SPACE(n * sizeof(int));
                header = CMSG_FIRSTHDR(&message);
                header->cmsg_level = SOL_SOCKET;
                header->cmsg_type = SCM_RIGHTS;
                header->cmsg_len = CMSG_LEN(n * sizeof(int));
                memcpy(CMSG_DATA(header), sent, n * sizeof(int));
        }
        return sendmsg(socket_fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int import_order_receive(int socket_fd, int ret_fds[static _IMPORT_FD_MAX]) {
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(_IMPORT_FD_MAX * sizeof(int))] = {};
        Order order = {};
        struct iovec iov = { &order, sizeof(order) };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *header;
        size_t n = 0, have = 0;

        for (unsigned i = 0; i < _IMPORT_FD_MAX; i++)
                ret_fds[i] = -1;
        if (recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof(order))
                return -EBADMSG;
        header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
                have = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (unsigned i = 0; i < _IMPORT_FD_MAX; i++)
                if (order.has[i] == COMES && n < have)
                        memcpy(&ret_fds[i], CMSG_DATA(header) + sizeof(int) * n++, sizeof(int));
                else if (order.has[i] == CLOSED)
                        ret_fds[i] = IMPORT_FD_CLOSED;
        return 0;
}

int import_report_receive(int socket_fd, ImportReport *ret, int *ret_fd) {
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {};
        struct iovec iov = { ret, sizeof(*ret) };
        struct msghdr message = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control),
        };
        struct cmsghdr *header;
        ssize_t n;

        n = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;

        header = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
            header->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
        return n == (ssize_t) sizeof(*ret) ? 1 : -EBADMSG;
}
