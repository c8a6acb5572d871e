/* A Modbus TCP server that costs its clients as little as can be: one epoll loop, many connections, pipelining. Linux.
 *
 * usage: tcp_server
 *
 * Listens on a free port of 127.0.0.1, prints it, and answers FC01..FC04 for any unit: bits 5A, registers 0. It sleeps
 * when there is nothing to do. It ends when stdin closes.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS 65536
#define REQUEST 12      /* MBAP header, function, start, count */
#define HELD 4096       /* bytes of requests held for one connection */
#define LONGEST 260     /* bytes of the longest reply */

struct connection {
    unsigned char data[HELD];
    int size;
};
static struct connection *connections[CONNECTIONS];

static int answer(const unsigned char *request, unsigned char *reply) {
    int function = request[7], count = request[10] << 8 | request[11];
    int size = function <= 2 ? (count + 7) / 8 : count * 2;
    memcpy(reply, request, 8);
    if (function < 1 || function > 4 || size > 250) {
        reply[4] = 0;
        reply[5] = 3;
        reply[7] |= 0x80;
        reply[8] = 1;
        return 9;
    }
    reply[4] = (size + 3) >> 8;
    reply[5] = (size + 3) & 255;
    reply[8] = size;
    memset(reply + 9, function <= 2 ? 0x5A : 0, size);
    return 9 + size;
}

static void answer_all(int fd, struct connection *c) {
    static unsigned char out[HELD / REQUEST * LONGEST + LONGEST];
    int used = 0, filled = 0;
    while (c->size - used >= REQUEST) {
        int size = 6 + (c->data[used + 4] << 8 | c->data[used + 5]);
        if (c->size - used < size) break;
        filled += answer(c->data + used, out + filled);
        used += size;
    }
    memmove(c->data, c->data + used, c->size - used);
    c->size -= used;
    if (filled && send(fd, out, filled, MSG_NOSIGNAL) < 0) perror("send");
}

static void receive(int fd) {
    struct connection *c = connections[fd];
    int n = recv(fd, c->data + c->size, sizeof c->data - c->size, 0);
    if (n > 0) {
        c->size += n;
        answer_all(fd, c);
        return;
    }
    close(fd);
    free(c);
    connections[fd] = NULL;
}

static int listen_on_free_port(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(fd, (void *)&address, size) || listen(fd, 4096) || getsockname(fd, (void *)&address, &size)) return -1;
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(void) {
    int epoll = epoll_create1(0), server = listen_on_free_port(), on = 1;
    if (server < 0) {
        perror("listen");
        return 1;
    }
    watch(epoll, server);
    watch(epoll, 0);
    for (;;) {
        struct epoll_event events[512];
        int n = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == 0) return 0;
            if (fd != server) {
                receive(fd);
                continue;
            }
            int client = accept(server, NULL, NULL);
            if (client < 0 || client >= CONNECTIONS) continue;
            setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            connections[client] = calloc(1, sizeof(struct connection));
            watch(epoll, client);
        }
    }
}
