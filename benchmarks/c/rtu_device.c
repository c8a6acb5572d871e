/* A Modbus RTU board behind a wire of a given speed, on a pty. Linux.
 *
 * usage: rtu_device BAUD BITS_PER_CHARACTER BOARD_GAP_S
 *
 * Prints the pty's name, then answers FC01..FC04 for any address. It paces like a wire: byte i of a request has arrived
 * (i + 1) character times after the request was written, the frame ends after a silence of 3.5 characters (1.75 ms above
 * 19200 baud; Modbus over Serial Line 1.02, 2.5.1.1), and the reply's bytes are handed over one by one at the baud rate.
 * A request that starts before that silence has passed since the last reply byte, or to another address before
 * BOARD_GAP_S has, is counted as a broken silence, and answered all the same. When stdin closes it prints its counts as
 * one line of JSON and ends; `shortest` is the shortest silence over the one that was due.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define REQUEST 8       /* address, function, start, count, CRC */
#define GRACE 20e-6     /* of our own clock */
#define SPIN 0.0003     /* nanosleep comes back late; the rest is spent looking at the clock */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void wait_until(double due) {
    for (double left; (left = due - now()) > 0;) {
        if (left <= SPIN) continue;
        struct timespec t = {0, (long)((left - SPIN) * 1e9)};
        nanosleep(&t, NULL);
    }
}

static unsigned crc16(const unsigned char *data, int size) {
    unsigned crc = 0xFFFF;
    for (int i = 0; i < size; i++) {
        crc ^= data[i];
        for (int k = 0; k < 8; k++) crc = crc & 1 ? (crc >> 1) ^ 0xA001 : crc >> 1;
    }
    return crc;
}

static int answer(const unsigned char *request, unsigned char *reply) {
    int function = request[1], count = request[4] << 8 | request[5];
    int size = function <= 2 ? (count + 7) / 8 : count * 2;
    reply[0] = request[0];
    reply[1] = function;
    reply[2] = size;
    memset(reply + 3, 0x5A, size);
    unsigned crc = crc16(reply, 3 + size);
    reply[3 + size] = crc & 255;
    reply[4 + size] = crc >> 8;
    return 5 + size;
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
    printf("%s\n", name);
    fflush(stdout);
    return master;
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    double baud = atof(argv[1]), character = atof(argv[2]) / baud;
    double silence = baud > 19200 ? 0.00175 : 3.5 * character, board_gap = atof(argv[3]);
    int master = open_pty();
    if (master < 0) {
        perror("pty");
        return 1;
    }
    unsigned char request[512], reply[512];
    int held = 0, last_address = 0;
    long frames = 0, broken = 0, junk = 0;
    double arrived = 0, last_byte = 0, shortest = 1e9;
    for (;;) {
        struct pollfd fds[2] = {{master, POLLIN, 0}, {0, POLLIN, 0}};
        poll(fds, 2, -1);
        if (fds[1].revents) break;
        int n = read(master, request + held, 256);
        if (n <= 0) continue;
        double at = now();
        if (held == 0 && last_byte > 0) {
            double gap = at - last_byte, due = silence;
            if (request[0] != last_address && board_gap > due) due = board_gap;
            if (gap < due - GRACE) broken++;
            if (gap / due < shortest) shortest = gap / due;
        }
        if (arrived < at) arrived = at;
        arrived += n * character;
        held += n;
        if (held < REQUEST) continue;
        held = 0;
        if (crc16(request, REQUEST) != 0) {
            junk++;
            continue;
        }
        int size = answer(request, reply);
        double start = arrived + silence;
        for (int i = 0; i < size; i++) {
            wait_until(start + (i + 1) * character);
            last_byte = now();
            if (write(master, reply + i, 1) != 1) return 1;
        }
        arrived = last_byte;
        last_address = request[0];
        frames++;
    }
    printf("{\"frames\":%ld,\"broken\":%ld,\"junk\":%ld,\"shortest\":%.4f}\n", frames, broken, junk, shortest);
    return 0;
}
