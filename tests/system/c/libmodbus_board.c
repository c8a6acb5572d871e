/* A relay board of eight relays and eight inputs, served by libmodbus.
 *
 *     libmodbus_board tcp                Modbus TCP on a free port of 127.0.0.1
 *     libmodbus_board rtu DEVICE ADDRESS Modbus RTU, 9600 8N1, on a serial port
 *
 * libmodbus reads, checks and answers every request. One function is answered here: FC05 at 0x0200 + n, by which this
 * family of boards gives relay n a pulse of as many times 100 ms as the word says. libmodbus' own server refuses every
 * word of FC05 but FF00 and 0000, as the standard has it.
 *
 * Standard input: "input CHANNEL 0|1", "mode CHANNEL WORD", "relays work|stuck"; its end ends the program.
 * Standard output: "ready PORT|DEVICE", "done LINE" after each line of input, "pulse CHANNEL WORD", "relay CHANNEL 0|1",
 * and at the end "requests FUNCTION COUNT" for every function that was asked.
 */
#include <errno.h>
#include <modbus/modbus.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHANNELS = 8, FLASH = 0x0200, MODES = 0x1000, VERSION = 0x8000, VERSION_2_00 = 200 };

static modbus_t *context;
static modbus_mapping_t *map;
static int over_tcp;
static int relays_stuck;
static long long off_at_ms[CHANNELS]; /* 0: no pulse under way */
static unsigned long requests[256];

static void fail(const char *what)
{
    fprintf(stderr, "libmodbus_board: %s: %s\n", what, modbus_strerror(errno));
    exit(1);
}

static long long now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void switch_relay(int index, int on)
{
    if (relays_stuck || map->tab_bits[index] == on)
        return;
    map->tab_bits[index] = (uint8_t)on;
    printf("relay %d %d\n", index + 1, on);
}

/* Milliseconds until the next pulse ends, ending those that are over; -1 without any. */
static int end_pulses(void)
{
    long long next = -1, now = now_ms();
    for (int index = 0; index < CHANNELS; index++) {
        if (off_at_ms[index] && off_at_ms[index] <= now) {
            off_at_ms[index] = 0;
            switch_relay(index, 0);
        }
        if (off_at_ms[index] && (next < 0 || off_at_ms[index] - now < next))
            next = off_at_ms[index] - now;
    }
    return (int)next;
}

/* The reply to FC05 is its request. libmodbus 3.1.6 has no call that sends one of ours as the answer to a Modbus TCP
 * request (modbus_send_raw_request sets the transaction to 0), so there the frame goes back as it came; over RTU
 * libmodbus builds the frame and its CRC. */
static int echo(const uint8_t *request, int length)
{
    if (over_tcp)
        return (int)send(modbus_get_socket(context), request, (size_t)length, MSG_NOSIGNAL);
    return modbus_send_raw_request(context, request, length - 2);
}

static int flash(const uint8_t *request, int length, int index, int word)
{
    if (index >= CHANNELS)
        return modbus_reply_exception(context, request, MODBUS_EXCEPTION_ILLEGAL_DATA_ADDRESS);
    if (word < 1 || word > 0x7FFF)
        return modbus_reply_exception(context, request, MODBUS_EXCEPTION_ILLEGAL_DATA_VALUE);
    printf("pulse %d %d\n", index + 1, word);
    off_at_ms[index] = now_ms() + word * 100LL;
    switch_relay(index, 1);
    return echo(request, length);
}

static int answer(const uint8_t *request, int length)
{
    const uint8_t *pdu = request + modbus_get_header_length(context);
    int address = MODBUS_GET_INT16_FROM_INT8(pdu, 1) & 0xFFFF;
    requests[pdu[0]]++;
    if (pdu[0] == MODBUS_FC_WRITE_SINGLE_COIL && address >= FLASH)
        return flash(request, length, address - FLASH, MODBUS_GET_INT16_FROM_INT8(pdu, 3) & 0xFFFF);
    return modbus_reply(context, request, length, map);
}

/* One request; 0 when a TCP client has gone. */
static int serve(void)
{
    uint8_t request[MODBUS_MAX_ADU_LENGTH];
    int length = modbus_receive(context, request);
    if (length > 0 && answer(request, length) < 0)
        fail("cannot answer");
    if (length < 0 && !over_tcp && errno != EMBBADCRC && errno != ETIMEDOUT)
        fail("cannot read");
    return length >= 0 || !over_tcp;
}

static void obey(char *line)
{
    int channel, value;
    char word[8];
    line[strcspn(line, "\n")] = 0;
    if (sscanf(line, "input %d %d", &channel, &value) == 2 && channel >= 1 && channel <= CHANNELS)
        map->tab_input_bits[channel - 1] = value != 0;
    else if (sscanf(line, "mode %d %d", &channel, &value) == 2 && channel >= 1 && channel <= CHANNELS)
        map->tab_registers[channel - 1] = (uint16_t)value;
    else if (sscanf(line, "relays %7s", word) == 1)
        relays_stuck = !strcmp(word, "stuck");
    else {
        fprintf(stderr, "libmodbus_board: what is %s?\n", line);
        exit(2);
    }
    printf("done %s\n", line);
}

static int listen_tcp(void)
{
    struct sockaddr_in bound;
    socklen_t size = sizeof bound;
    int listener;
    context = modbus_new_tcp("127.0.0.1", 0);
    if (!context || (listener = modbus_tcp_listen(context, 1)) < 0)
        fail("cannot listen");
    getsockname(listener, (struct sockaddr *)&bound, &size);
    printf("ready %d\n", ntohs(bound.sin_port));
    return listener;
}

static void open_rtu(const char *device, int address)
{
    context = modbus_new_rtu(device, 9600, 'N', 8, 1);
    if (!context || modbus_set_slave(context, address) || modbus_connect(context))
        fail(device);
    printf("ready %s\n", device);
}

static void run(int listener)
{
    int connected = !over_tcp;
    char line[80];
    for (;;) {
        struct pollfd ends[] = {{STDIN_FILENO, POLLIN, 0}, {-1, POLLIN, 0}};
        ends[1].fd = connected ? modbus_get_socket(context) : listener;
        if (poll(ends, 2, end_pulses()) < 0 && errno != EINTR)
            fail("cannot wait");
        if (ends[1].revents && connected) {
            if (!serve()) {
                modbus_close(context);
                connected = 0;
            }
        } else if (ends[1].revents) {
            connected = modbus_tcp_accept(context, &listener) >= 0;
        }
        if (ends[0].revents) {
            if (!fgets(line, sizeof line, stdin))
                return;
            obey(line);
        }
    }
}

int main(int count, char **words)
{
    int listener = -1;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() sees every line that fgets() has not taken */
    map = modbus_mapping_new_start_address(0, CHANNELS, 0, CHANNELS, MODES, VERSION - MODES + 1, 0, 0);
    if (!map)
        fail("no memory");
    map->tab_registers[VERSION - MODES] = VERSION_2_00;
    over_tcp = count == 2 && !strcmp(words[1], "tcp");
    if (over_tcp)
        listener = listen_tcp();
    else if (count == 4 && !strcmp(words[1], "rtu"))
        open_rtu(words[2], atoi(words[3]));
    else {
        fprintf(stderr, "usage: libmodbus_board tcp | rtu DEVICE ADDRESS\n");
        return 2;
    }
    run(listener);
    for (int function = 0; function < 256; function++)
        if (requests[function])
            printf("requests %d %lu\n", function, requests[function]);
    modbus_close(context);
    modbus_free(context);
    modbus_mapping_free(map);
    return 0;
}
