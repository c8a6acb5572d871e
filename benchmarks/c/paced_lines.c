/* Devices behind wires of a given speed, each wire a pty: answers known requests byte for byte, all in one loop. Linux.
 *
 * usage: paced_lines LINES BAUD BITS_PER_CHARACTER REQUEST=REPLY@DELAY_S ...
 *
 * Prints the ptys' names on one line, then answers, on each line, a request (hexadecimal) with its reply, DELAY_S after
 * the request's last byte has arrived. A request that is empty has a reply that is said unasked, every DELAY_S. Byte i of
 * a request has arrived (i + 1) character times after it was written; a reply's bytes are handed over one by one at the
 * baud rate. A request that starts less than 3.5 characters (1.75 ms above 19200 baud) after the last byte of a reply is
 * counted as a broken silence, and answered all the same; bytes that are no known request are junk. When stdin closes it
 * prints its counts as one line of JSON and ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define LINES 16
#define ANSWERS 32
#define LONGEST 300
#define GRACE 20e-6  /* of our own clock */
#define SPIN 0.00006 /* ppoll comes back late; the rest is spent looking at the clock, which holds up the kernel's ptys */

struct answer {
    unsigned char request[LONGEST], reply[LONGEST];
    int asked, size;
    double delay;
};
struct line {
    int fd, held, said;
    unsigned char request[LONGEST];
    const struct answer *saying;
    double start, arrived, last_byte;
};
static struct answer answers[ANSWERS];
static struct line lines[LINES];
static int answer_count, line_count;
static double character, silence, shortest = 1e9;
static long frames, broken, junk;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int unhex(const char *text, const char *end, unsigned char *out) {
    int n = 0;
    for (unsigned byte; text + 1 < end && n < LONGEST && sscanf(text, "%2x", &byte) == 1; text += 2) out[n++] = byte;
    return n;
}

static int parse(const char *text, struct answer *a) {
    const char *equals = strchr(text, '='), *at = strchr(text, '@');
    if (!equals || !at || at < equals) return -1;
    a->asked = unhex(text, equals, a->request);
    a->size = unhex(equals + 1, at, a->reply);
    a->delay = atof(at + 1);
    return a->size ? 0 : -1;
}

static int open_pty(void) {
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) || unlockpt(master)) return -1;
    const char *name = ptsname(master);
    int slave = open(name, O_RDWR | O_NOCTTY); /* stays open, so that a client that closes does not hang up the master */
    struct termios t;
    if (slave < 0 || tcgetattr(slave, &t)) return -1;
    cfmakeraw(&t);
    tcsetattr(slave, TCSANOW, &t);
    printf("%s ", name);
    return master;
}

static double due(const struct line *l) {
    return l->saying ? l->start + (l->said + 1) * character : 1e18;
}

static void say(struct line *l, const struct answer *a, double start) {
    l->saying = a;
    l->said = 0;
    l->start = start;
}

static int speak(struct line *l) {
    while (l->saying && due(l) <= now()) {
        l->last_byte = now();
        if (write(l->fd, l->saying->reply + l->said++, 1) != 1) return -1;
        if (l->said < l->saying->size) continue;
        const struct answer *a = l->saying;
        frames++;
        l->saying = NULL;
        l->arrived = l->last_byte;
        if (!a->asked) say(l, a, l->start + a->delay);
    }
    return 0;
}

/* 1 when the bytes are a request, 0 when they may become one, -1 when not */
static int match(struct line *l) {
    int begins = 0;
    for (int i = 0; i < answer_count; i++) {
        const struct answer *a = &answers[i];
        if (a->asked < l->held || memcmp(a->request, l->request, l->held)) continue;
        begins = 1;
        if (a->asked > l->held) continue;
        say(l, a, l->arrived + a->delay);
        return 1;
    }
    return begins ? 0 : -1;
}

static void hear(struct line *l) {
    int n = read(l->fd, l->request + l->held, LONGEST - l->held);
    if (n <= 0) return;
    double at = now();
    if (l->held == 0 && l->last_byte > 0) {
        double gap = at - l->last_byte;
        if (gap < silence - GRACE || l->saying) broken++;
        if (gap / silence < shortest) shortest = gap / silence;
    }
    l->arrived = (l->arrived > at ? l->arrived : at) + n * character;
    l->held += n;
    int matched = match(l);
    junk += matched < 0;
    if (matched || l->held == LONGEST) l->held = 0;
}

int main(int argc, char **argv) {
    if (argc < 5 || argc > 4 + ANSWERS || atoi(argv[1]) < 1 || atoi(argv[1]) > LINES) return 2;
    double baud = atof(argv[2]);
    line_count = atoi(argv[1]);
    character = atof(argv[3]) / baud;
    silence = baud > 19200 ? 0.00175 : 3.5 * character;
    for (int i = 4; i < argc; i++)
        if (parse(argv[i], &answers[answer_count++])) return 2;
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    struct pollfd fds[LINES + 1] = {{0, POLLIN, 0}};
    for (int i = 0; i < line_count; i++) {
        if ((lines[i].fd = open_pty()) < 0) {
            perror("pty");
            return 1;
        }
        fds[i + 1] = (struct pollfd){lines[i].fd, POLLIN, 0};
        if (!answers[0].asked) say(&lines[i], &answers[0], now() + answers[0].delay);
    }
    printf("\n");
    fflush(stdout);
    for (;;) {
        double next = 1e18;
        for (int i = 0; i < line_count; i++)
            if (due(&lines[i]) < next) next = due(&lines[i]);
        double wait = next - now() - SPIN;
        struct timespec t = {0, 0};
        if (wait > 0) {
            t.tv_sec = wait > 1 ? 1 : 0;
            t.tv_nsec = wait > 1 ? 0 : wait * 1e9;
        }
        ppoll(fds, line_count + 1, &t, NULL);
        if (fds[0].revents) break;
        for (int i = 0; i < line_count; i++) {
            if (fds[i + 1].revents) hear(&lines[i]);
            if (speak(&lines[i])) return 1;
        }
    }
    printf("{\"frames\":%ld,\"broken\":%ld,\"junk\":%ld,\"shortest\":%.4f}\n", frames, broken, junk, shortest);
    return 0;
}
