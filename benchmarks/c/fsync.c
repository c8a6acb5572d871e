/* The disk's own pace: append 4 KiB to a growing file and fdatasync, COUNT times.
   usage: fsync FILE COUNT; prints {"per_s": appends a second, "p50_us": ..., "p99_us": ...} and removes the file. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: fsync FILE COUNT\n");
        return 2;
    }
    int count = atoi(argv[2]);
    double *took = calloc(count > 0 ? count : 1, sizeof *took);
    int file = open(argv[1], O_CREAT | O_TRUNC | O_WRONLY, 0644);
    if (count < 1 || took == NULL || file < 0) {
        perror(argv[1]);
        return 1;
    }
    char page[4096];
    memset(page, 'x', sizeof page);
    double began = now_us();
    for (int i = 0; i < count; i++) {
        double start = now_us();
        if (write(file, page, sizeof page) != (ssize_t)sizeof page || fdatasync(file) != 0) {
            perror(argv[1]);
            return 1;
        }
        took[i] = now_us() - start;
    }
    double total = now_us() - began;
    unlink(argv[1]);
    qsort(took, count, sizeof *took, ascending);
    printf("{\"per_s\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", count * 1e6 / total, took[count / 2],
           took[count * 99L / 100]);
    return 0;
}
