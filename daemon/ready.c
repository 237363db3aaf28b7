#include "daemon/ready.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/util/fdio.h"
#include "lib/util/log.h"

/* A name that begins with @ is an abstract one. */
static void tell_manager(void)
{
    static const char text[] = "READY=1";
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *name = getenv("NOTIFY_SOCKET");
    size_t len = name == NULL ? 0 : strlen(name);
    dj_cleanup_close int fd = -1;

    if (len == 0 || len >= sizeof(to.sun_path))
        return;
    memcpy(to.sun_path, name, len);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to,
                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
        dj_log_warning("the service manager cannot be told that djd is ready: %s",
                       strerror(errno));
}

void dj_tell_ready(int fd)
{
    /* With a descriptor it was dj that started us: the socket, if any, is somebody else's. */
    if (fd < 0) {
        tell_manager();
        return;
    }
    if (write(fd, "\n", 1) != 1)
        dj_log_warning("nobody reads the readiness descriptor");
    close(fd);
}
